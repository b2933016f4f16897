// The expressions of nf_tables' rules. An expression loads a value into registers of four bytes, or compares the content of a
// register. The rule applies if all its comparisons hold.

import { LITTLE, type NetlinkWriter } from "./netlink.ts";
import { DATA, EXPRESSION, LIST_ELEMENT } from "./nftables.ts";

const VERDICT = { drop: 0, accept: 1, jump: -3 >>> 0, return: -5 >>> 0 } as const;

/** The first register of four bytes. An IPv6 address takes four of them. */
const R0 = 8;

export type Expression = (writer: NetlinkWriter) => void;

/** Writes an expression, as an element of a list or as the only one in an attribute of this type. */
export function writeExpression(w: NetlinkWriter, type: number, name: string, data: () => void): void {
  w.nested(type, () => {
    w.string(EXPRESSION.name, name);
    w.nested(EXPRESSION.data, data);
  });
}

const expression =
  (name: string, data: (w: NetlinkWriter) => void): Expression =>
  (w) =>
    writeExpression(w, LIST_ELEMENT, name, () => data(w));

const META = { priority: 2, mark: 3, iif: 4, nfproto: 15, l4proto: 16, iifkind: 26 } as const;

const meta = (key: keyof typeof META, register: number): Expression =>
  expression("meta", (w) => w.u32(2, META[key]).u32(1, register));

const setMeta = (key: "mark" | "priority", register: number): Expression =>
  expression("meta", (w) => w.u32(2, META[key]).u32(3, register));

const payload = (base: "network" | "transport", offset: number, length: number, register: number): Expression =>
  expression("payload", (w) =>
    w
      .u32(1, register)
      .u32(2, base === "network" ? 1 : 2)
      .u32(3, offset)
      .u32(4, length),
  );

const OPERATOR = { "==": 0, "!=": 1, "<=": 3, ">=": 5 } as const;

/** A route lookup by the destination. `result`: 1 for the interface, 3 for the type of the address. */
const fib = (result: 1 | 3): Expression => expression("fib", (w) => w.u32(1, R0).u32(2, result).u32(3, 2));

const compare = (operator: keyof typeof OPERATOR, value: Uint8Array): Expression =>
  expression("cmp", (w) =>
    w
      .u32(1, R0)
      .u32(2, OPERATOR[operator])
      .nested(3, () => w.raw(DATA.value, value)),
  );

const bitwise = (register: number, mask: Uint8Array, xor: Uint8Array = new Uint8Array(mask.length)): Expression =>
  expression("bitwise", (w) =>
    w
      .u32(1, register)
      .u32(2, register)
      .u32(3, mask.length)
      .nested(4, () => w.raw(DATA.value, mask))
      .nested(5, () => w.raw(DATA.value, xor)),
  );

const lookup = (set: string, isInverted = false): Expression =>
  expression("lookup", (w) => {
    w.string(1, set).u32(2, R0);
    if (isInverted) w.u32(5, 1);
  });

const verdict = (code: keyof typeof VERDICT, chain?: string): Expression =>
  expression("immediate", (w) =>
    w.u32(1, 0).nested(2, () =>
      w.nested(DATA.verdict, () => {
        w.u32(1, VERDICT[code]);
        if (chain !== undefined) w.string(2, chain);
      }),
    ),
  );

/** Loads a value. */
const immediate = (value: Uint8Array): Expression =>
  expression("immediate", (w) => w.u32(1, R0).nested(2, () => w.raw(DATA.value, value)));

/** A number in this machine's byte order, in which the kernel puts its own numbers into registers. */
const own = (value: number): Uint8Array => {
  const bytes = new Uint8Array(4);
  new DataView(bytes.buffer).setUint32(0, value, LITTLE);
  return bytes;
};
const byte = (value: number): Uint8Array => new Uint8Array([value]);
const two = (value: number): Uint8Array => new Uint8Array([value >>> 8, value & 0xff]);

export const accept: Expression = verdict("accept");
export const drop: Expression = verdict("drop");
export const returns: Expression = verdict("return");
export const jump = (chain: string): Expression => verdict("jump", chain);
/** A TCP reset. Linux allows it in prerouting since 5.9. */
export const rejectWithReset: Expression = expression("reject", (w) => w.u32(1, 1).u8(2, 0));
/** ICMP "port unreachable", for both families. */
export const rejectWithIcmp: Expression = expression("reject", (w) => w.u32(1, 2).u8(2, 1));

const IPV4 = 2;
const IPV6 = 10;
const TCP = 6;
const UDP = 17;
const LOOPBACK_INDEX = 1;
/** RTN_*: an address of this host, and the kinds of addresses that many hosts share. */
const OURS = { local: 2, broadcast: 3, anycast: 4, multicast: 5 } as const;

/** Bits of a connection's state. */
const [ESTABLISHED, RELATED] = [2, 4] as const;

export const fromLoopback: readonly Expression[] = [meta("iif", R0), compare("==", own(LOOPBACK_INDEX))];
export const isTcp: readonly Expression[] = [meta("l4proto", R0), compare("==", byte(TCP))];
export const isUdp: readonly Expression[] = [meta("l4proto", R0), compare("==", byte(UDP))];
const isIpv4: readonly Expression[] = [meta("nfproto", R0), compare("==", byte(IPV4))];
const isIpv6: readonly Expression[] = [meta("nfproto", R0), compare("==", byte(IPV6))];

/** Of FIN, SYN, RST and ACK only SYN is set. Linux begins a connection with such a segment and with no other. */
export const beginsTcp: readonly Expression[] = [
  ...isTcp,
  payload("transport", 13, 1, R0),
  bitwise(R0, byte(0x17)),
  compare("==", byte(0x02)),
];

/**
 * The packet belongs to no connection, and to no connection related to one. A packet that a rule of the user excludes from
 * tracking counts as new, too. This turns on the kernel's connection tracking.
 */
export const isNew: readonly Expression[] = [
  expression("ct", (w) => w.u32(2, 0).u32(1, R0)),
  bitwise(R0, own(ESTABLISHED | RELATED)),
  compare("==", own(0)),
];

/** Not to this host. Broadcasts count as this host's: its UDP sockets receive them, and an answer would make a connection. */
const isNotOurs: readonly Expression[] = [fib(3), ...Object.values(OURS).map((type) => compare("!=", own(type)))];
const VRF = Buffer.from("vrf".padEnd(16, "\0"));
export const toOthers: readonly Expression[] = [meta("iifkind", R0), compare("!=", VRF), ...isNotOurs];
/**
 * In a VRF, a packet passes twice: first at its interface, where this host's addresses look like those of others, then at the
 * VRF's device. Linux 6.1 cannot tell the type of an address there, but it knows that a packet to this host leaves through no
 * interface.
 */
export const toOthersOfVrf: readonly Expression[] = [
  meta("iifkind", R0),
  compare("==", VRF),
  ...isNotOurs,
  fib(1),
  compare("!=", own(0)),
];

export const isFragment: readonly Expression[] = [
  ...isTcp,
  ...isIpv4,
  payload("network", 6, 2, R0),
  bitwise(R0, two(0x3fff)),
  compare("!=", two(0)),
];
/** True for every packet that contains the TCP flags. */
export const hasTcpFlags: readonly Expression[] = [...isTcp, payload("transport", 13, 1, R0), compare(">=", byte(0))];
/** The fragment begins in the first 16 bytes. */
export const beginsEarly: readonly Expression[] = [
  ...isIpv4,
  payload("network", 6, 2, R0),
  bitwise(R0, two(0x1fff)),
  compare("<=", two(1)),
];

export const notGuarded = (set: string): readonly Expression[] => [
  meta("l4proto", R0),
  payload("transport", 2, 2, R0 + 1),
  lookup(set, true),
];

export const sourceIn = (set: string, family: 4 | 6): readonly Expression[] =>
  family === 4
    ? [...isIpv4, payload("network", 12, 4, R0), lookup(set)]
    : [...isIpv6, payload("network", 8, 16, R0), lookup(set)];

/** The source and the port are in the set. Of an IPv6 source, only the first `prefix` bits count. */
export function mayEnter(set: string, family: 4 | 6, prefix: number): readonly Expression[] {
  if (family === 4)
    return [
      ...isIpv4,
      payload("network", 12, 4, R0),
      meta("l4proto", R0 + 1),
      payload("transport", 2, 2, R0 + 2),
      lookup(set),
    ];
  const mask = Uint8Array.from({ length: 16 }, (_, at) => 0xff & ~(0xff >>> Math.min(8, Math.max(0, prefix - at * 8))));
  return [
    ...isIpv6,
    payload("network", 8, 16, R0),
    ...(prefix < 128 ? [bitwise(R0, mask)] : []),
    meta("l4proto", R0 + 4),
    payload("transport", 2, 2, R0 + 5),
    lookup(set),
  ];
}

/** Sets these bits in the packet's mark, and keeps the others. */
export const addMark = (bits: number): readonly Expression[] => [
  meta("mark", R0),
  bitwise(R0, own(~bits >>> 0), own(bits)),
  setMeta("mark", R0),
];

/**
 * The tag of a packet that our gate has let in: its priority. That is 0 for a packet from outside, unless a VLAN has one, and
 * nothing reads it before the packet is delivered or forwarded.
 */
const TAG = own(0x6b6e_6f6b);
export const tag: readonly Expression[] = [immediate(TAG), setMeta("priority", R0)];
export const isTagged: readonly Expression[] = [meta("priority", R0), compare("==", TAG)];
export const untag: readonly Expression[] = [immediate(own(0)), setMeta("priority", R0)];
