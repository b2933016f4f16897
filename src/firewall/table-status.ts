// Our table as the kernel has it, for knockctl: which ports it closes, which clients may come in, and who owns it. Reading it
// needs no running daemon. Also removes the table from a console.

import type { OpenedPorts } from "../config/opening.ts";
import { type Address, formatAddress } from "../net/address.ts";
import { formatNetwork } from "../net/network.ts";
import { type NativeNftSocket, native } from "../platform/native.ts";
import { addressOf, type OpenSet, portsOf } from "./element.ts";
import { errorName, FirewallError, refusal } from "./firewall-error.ts";
import { KernelError, type KernelTable, KernelTables } from "./kernel-tables.ts";
import { BACKSTOP_NAME, INET, TABLE_NAME } from "./layout.ts";
import { Attributes, FLAG, NetlinkWriter, readMessages } from "./netlink.ts";
import { ELEMENT, ELEMENT_FLAGS, ELEMENTS, MESSAGE } from "./nftables.ts";
import { writeDeleteTable } from "./ruleset.ts";
import { configOf } from "./table-comment.ts";
import { GUARDED } from "./table-sets.ts";

export interface TableStatus {
  readonly mode: "gate" | "mark";
  /** The config whose doors it serves, as the comment names it: its real path, or `sha256:…`. */
  readonly config: string;
  /** The netlink port of the socket that owns the table or the backstop (backstop.ts). No other process can open the ports. */
  readonly owner: number | undefined;
  /** Is it only the backstop that has an owner? Then another program can remove the table, and the ports stay closed. */
  readonly hasBackstop: boolean;
  /** The closed ports. None in mode `mark`. */
  readonly guarded: readonly OpenedPorts[];
  /** Networks that need no knock, as `10.0.0.0/8` or `10.0.0.1-10.0.0.9`. */
  readonly allowed: readonly string[];
  readonly open: readonly OpenStatus[];
}

export interface OpenStatus {
  readonly door: string;
  /** An address, or a network such as `fd00::/64`. */
  readonly client: string;
  readonly ports: OpenedPorts;
  /** Seconds that are left. Undefined: until it is closed by hand. */
  readonly left: number | undefined;
  /** The number of connections that it has let in. */
  readonly uses: number;
}

/**
 * Undefined if no table closes ports. If the gate is gone and a backstop closes its ports alone, this is what the backstop
 * lets in. Throws FirewallError if the table is not ours, or if the kernel refuses to show it.
 */
export function readTable(): TableStatus | undefined {
  return withKernel("read", (socket) => {
    const kernel = new KernelTables(socket);
    const [gate, behind] = [kernel.table(INET, TABLE_NAME), backstop(kernel)];
    const table = gate ?? behind;
    if (table === undefined) return undefined;
    const config = configOf(table.comment);
    if (config === undefined) throw notOurs();
    const from = gate === undefined ? BACKSTOP_NAME : TABLE_NAME;
    const names = kernel.sets(INET, from).map(({ name }) => name);
    const networks = (family: 4 | 6) => (names.includes(`allow${family}`) ? allowed(socket, from, family) : []);
    return {
      mode: names.includes(GUARDED) ? "gate" : "mark",
      config,
      owner: table.owner ?? behind?.owner,
      hasBackstop: behind !== undefined,
      guarded: names.includes(GUARDED) ? guarded(socket, from) : [],
      allowed: [...networks(4), ...networks(6)],
      open: names.flatMap((name) => openIn(kernel, name)),
    };
  });
}

/** Returns false if there was no table. Throws FirewallError if it is not ours, or if a daemon owns it. */
export function removeTable(): boolean {
  return withKernel("removed", (socket) => {
    const kernel = new KernelTables(socket);
    const table = kernel.table(INET, TABLE_NAME);
    if (backstop(kernel) !== undefined) throw new KernelError(NOT_OWNER); // it would close the ports alone
    if (table === undefined) return false;
    if (configOf(table.comment) === undefined) throw notOurs();
    const w = new NetlinkWriter().beginBatch();
    writeDeleteTable(w);
    const errno = kernel.transact(w.endBatch().bytes);
    if (errno !== 0) throw new KernelError(errno);
    return true;
  });
}

/** The table of a running daemon that closes the ports of a gate without an owner. */
function backstop(kernel: KernelTables): KernelTable | undefined {
  const table = kernel.table(INET, BACKSTOP_NAME);
  return table?.owner !== undefined && configOf(table.comment) !== undefined ? table : undefined;
}

function withKernel<T>(what: string, work: (socket: NativeNftSocket) => T): T {
  const cannot = (errno: number) => refusal(`the table \`inet ${TABLE_NAME}\` can't be ${what}`, errno);
  let socket: NativeNftSocket;
  try {
    socket = new native.NftSocket();
  } catch {
    throw cannot(95); // EOPNOTSUPP
  }
  try {
    return work(socket);
  } catch (error) {
    throw error instanceof KernelError ? cannot(error.errno) : error;
  } finally {
    socket.close();
  }
}

function notOurs(): FirewallError {
  return new FirewallError(`firewall: there is a table \`inet ${TABLE_NAME}\` that knockd did not make`);
}

function openIn(kernel: KernelTables, name: string): OpenStatus[] {
  const [, kind, family, prefix = "128"] = /^(open|ranges)([46])(?:_(\d+))?$/.exec(name) ?? [];
  if (kind === undefined) return [];
  const set: OpenSet = {
    ...{ tableFamily: INET, table: TABLE_NAME, set: name, isInterval: kind === "ranges" },
    ...{ family: family === "4" ? 4 : 6, prefix: Number(prefix) },
  };
  return kernel.elements(set).map((element) => ({
    door: element.comment,
    client: formatNetwork({ address: addressOf(element), prefix: set.family === 4 ? 32 : set.prefix }),
    ports: portsOf(element),
    left: element.left === undefined ? undefined : element.left / 1000,
    uses: element.packets,
  }));
}

function guarded(socket: NativeNftSocket, table: string): OpenedPorts[] {
  const set: OpenSet = { tableFamily: INET, table: "", set: "", family: 4, isInterval: true, prefix: 128 };
  return dump(socket, table, GUARDED).map((element) => {
    // In the form of an element with an address in front of the port.
    const behind = (key: Uint8Array) => Uint8Array.of(0, 0, 0, 0, ...key);
    const [key, keyEnd] = [keyOf(element, ELEMENT.key)!, keyOf(element, ELEMENT.keyEnd)];
    const ends = keyEnd === undefined ? undefined : behind(keyEnd);
    return portsOf({ set, key: behind(key), keyEnd: ends, comment: "", left: undefined, packets: 0, bytes: 0 });
  });
}

/** Each network begins with one element. The next element, behind its last address, ends it. */
function allowed(socket: NativeNftSocket, table: string, family: 4 | 6): string[] {
  const bits = family === 4 ? 32 : 128;
  const ends = dump(socket, table, `allow${family}`)
    .map((element) => ({
      at: BigInt(`0x${Buffer.from(keyOf(element, ELEMENT.key)!).toString("hex")}`),
      isEnd: ((element.u32(ELEMENT.flags) ?? 0) & ELEMENT_FLAGS.intervalEnd) !== 0,
    }))
    .sort((a, b) => (a.at < b.at ? -1 : 1));
  return ends.flatMap(({ at, isEnd }, i) => {
    if (isEnd) return [];
    const next = ends.slice(i + 1).find((one) => one.isEnd)?.at ?? 1n << BigInt(bits);
    const length = (next - at).toString(2).length - 1;
    const isNetwork = next - at === 1n << BigInt(length) && at % (next - at) === 0n;
    if (isNetwork) return [formatNetwork({ address: addressAt(at, family), prefix: bits - length })];
    return [`${formatAddress(addressAt(at, family))}-${formatAddress(addressAt(next - 1n, family))}`];
  });
}

function addressAt(number: bigint, family: 4 | 6): Address {
  const word = (shift: bigint) => Number(BigInt.asIntN(32, number >> shift));
  if (family === 4) return { w0: 0, w1: 0, w2: 0xffff, w3: word(0n) };
  return { w0: word(96n), w1: word(64n), w2: word(32n), w3: word(0n) };
}

const MAX_TRIES = 8;
/** EPERM, the kernel's answer if another process owns the table. */
const NOT_OWNER = 1;

function dump(socket: NativeNftSocket, table: string, set: string): Attributes[] {
  const request = new NetlinkWriter().message(MESSAGE.getElement, FLAG.dump, INET);
  request.string(ELEMENTS.table, table).string(ELEMENTS.set, set);
  for (let tries = 1; ; tries++) {
    const answer = socket.ask(request.bytes);
    if (typeof answer !== "number")
      return [...readMessages(answer)]
        .filter(({ type }) => type === MESSAGE.newElement)
        .flatMap(({ attributes }) => [...attributes.nested(ELEMENTS.elements)].map(([, one]) => new Attributes(one)));
    if (errorName(answer) !== "EINTR" || tries >= MAX_TRIES) throw new KernelError(answer); // another process has changed it
  }
}

function keyOf(element: Attributes, type: number): Uint8Array | undefined {
  const value = 1; // NFTA_DATA_VALUE
  return element.nested(type).get(value);
}
