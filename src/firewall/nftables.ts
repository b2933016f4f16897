// The numbers of nf_tables (linux/netfilter/nf_tables.h), as far as they are used here, and its expressions: what a rule
// is made of. An expression reads into registers of four bytes, or compares what is there.

import { LITTLE, type NetlinkWriter } from "./netlink.ts";

export const MESSAGE = {
  newTable: 0,
  getTable: 1,
  delTable: 2,
  newChain: 3,
  delChain: 5,
  newRule: 6,
  delRule: 8,
  newSet: 9,
  getSet: 10,
  delSet: 11,
  newElement: 12,
  getElement: 13,
  delElement: 14,
} as const;

export const TABLE = { name: 1, flags: 2, userdata: 6, owner: 7 } as const;
export const CHAIN = { table: 1, name: 3, hook: 4, policy: 5, type: 7 } as const;
export const SET = {
  table: 1,
  name: 2,
  flags: 3,
  keyType: 4,
  keyLength: 5,
  description: 9,
  id: 10,
  userdata: 13,
  expression: 17,
} as const;
export const ELEMENTS = { table: 1, set: 2, elements: 3 } as const;
export const ELEMENT = {
  key: 1,
  flags: 3,
  timeout: 4,
  expiration: 5,
  userdata: 6,
  expression: 7,
  keyEnd: 10,
} as const;
export const LIST_ELEMENT = 1;
export const EXPRESSION = { name: 1, data: 2 } as const;
export const COUNTER = { bytes: 1, packets: 2 } as const;
const DATA = { value: 1, verdict: 2 } as const;

/** A table that nobody but its owner changes, and that outlives it (Linux 6.9). */
export const TABLE_FLAGS = { owner: 2, persist: 4 } as const;
export const SET_FLAGS = { interval: 4, timeout: 0x10, concatenation: 0x80 } as const;
export const ELEMENT_FLAGS = { intervalEnd: 1 } as const;

/** NFPROTO_*. */
export const FAMILIES: Readonly<Record<string, number>> = { inet: 1, ip: 2, netdev: 5, bridge: 7, ip6: 10 };

/** What `nft` calls the type of a key: each part has six bits. */
const TYPE_IPV4 = 7;
const TYPE_IPV6 = 8;
const TYPE_PROTOCOL = 12;
const TYPE_PORT = 13;
export const KEY_TYPE = {
  ipv4: TYPE_IPV4,
  ipv6: TYPE_IPV6,
  port: (TYPE_PROTOCOL << 6) | TYPE_PORT,
  ipv4Port: (TYPE_IPV4 << 12) | (TYPE_PROTOCOL << 6) | TYPE_PORT,
  ipv6Port: (TYPE_IPV6 << 12) | (TYPE_PROTOCOL << 6) | TYPE_PORT,
} as const;

/** The same in userdata, where the kernel only keeps it: type, length, value. A comment of either begins so. */
export const COMMENT = 0;

const VERDICT = { drop: 0, accept: 1, jump: -3 >>> 0, return: -5 >>> 0 } as const;

/** The first of the registers of four bytes; an IPv6 address takes four of them. */
const R0 = 8;

export type Expression = (writer: NetlinkWriter) => void;

/** One element of a list of expressions, or the one expression that an attribute of this type holds. */
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

const META = { mark: 3, iif: 4, nfproto: 15, l4proto: 16 } as const;

const meta = (key: keyof typeof META, register: number): Expression =>
  expression("meta", (w) => w.u32(2, META[key]).u32(1, register));

const setMark = (register: number): Expression => expression("meta", (w) => w.u32(2, META.mark).u32(3, register));

const payload = (base: "network" | "transport", offset: number, length: number, register: number): Expression =>
  expression("payload", (w) =>
    w
      .u32(1, register)
      .u32(2, base === "network" ? 1 : 2)
      .u32(3, offset)
      .u32(4, length),
  );

const OPERATOR = { "==": 0, "!=": 1, "<=": 3, ">=": 5 } as const;

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

/** A number in this machine's byte order, as the kernel puts its own into registers. */
const own = (value: number): Uint8Array => {
  const bytes = new Uint8Array(4);
  new DataView(bytes.buffer).setUint32(0, value, LITTLE);
  return bytes;
};
const byte = (value: number): Uint8Array => new Uint8Array([value]);
const two = (value: number): Uint8Array => new Uint8Array([value >>> 8, value & 0xff]);

export const accept: Expression = verdict("accept");
export const drop: Expression = verdict("drop");
export const leave: Expression = verdict("return");
export const jump = (chain: string): Expression => verdict("jump", chain);
/** In prerouting since Linux 5.9. */
export const rejectWithReset: Expression = expression("reject", (w) => w.u32(1, 1).u8(2, 0));
/** Port unreachable, of either family. */
export const rejectWithIcmp: Expression = expression("reject", (w) => w.u32(1, 2).u8(2, 1));

const IPV4 = 2;
const IPV6 = 10;
const TCP = 6;
const UDP = 17;
const LOOPBACK_INDEX = 1;
/** RTN_*: one of this host's addresses, and those that many hosts share. */
const OURS = { local: 2, broadcast: 3, anycast: 4, multicast: 5 } as const;

/** Bits of a connection's state. */
const [ESTABLISHED, RELATED] = [2, 4] as const;

export const fromLoopback: readonly Expression[] = [meta("iif", R0), compare("==", own(LOOPBACK_INDEX))];
export const isTcp: readonly Expression[] = [meta("l4proto", R0), compare("==", byte(TCP))];
export const isUdp: readonly Expression[] = [meta("l4proto", R0), compare("==", byte(UDP))];
const isIpv4: readonly Expression[] = [meta("nfproto", R0), compare("==", byte(IPV4))];
const isIpv6: readonly Expression[] = [meta("nfproto", R0), compare("==", byte(IPV6))];

/** Of FIN, SYN, RST and ACK only SYN: Linux takes any of these for the beginning of a connection, and no other. */
export const beginsTcp: readonly Expression[] = [
  ...isTcp,
  payload("transport", 13, 1, R0),
  bitwise(R0, byte(0x17)),
  compare("==", byte(0x02)),
];

/**
 * Neither of a connection nor of one that belongs to it. What a rule of the user's keeps from being tracked is new, too.
 * Switches on the kernel's connection tracking.
 */
export const isNew: readonly Expression[] = [
  expression("ct", (w) => w.u32(2, 0).u32(1, R0)),
  bitwise(R0, own(ESTABLISHED | RELATED)),
  compare("==", own(0)),
];

/** UDP sockets of this host hear broadcasts as well, and a neighbour that gets an answer to one has a connection. */
export const toOthers: readonly Expression[] = [
  expression("fib", (w) => w.u32(1, R0).u32(2, 3).u32(3, 2)),
  ...Object.values(OURS).map((type) => compare("!=", own(type))),
];

export const isFragment: readonly Expression[] = [
  ...isTcp,
  ...isIpv4,
  payload("network", 6, 2, R0),
  bitwise(R0, two(0x3fff)),
  compare("!=", two(0)),
];
/** True of every packet in which the flags are. */
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

/** The source and the port are in the set; of an IPv6 source the first `prefix` bits. */
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

/** Sets these bits of the packet's mark, and leaves the others. */
export const addMark = (bits: number): readonly Expression[] => [
  meta("mark", R0),
  bitwise(R0, own(~bits >>> 0), own(bits)),
  setMark(R0),
];
