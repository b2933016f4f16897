// The sets of our tables as messages of nf_tables, and the elements that do not change with each opening: the guarded ports, and
// the networks that need no knock.

import { isIpv4 } from "../net/address.ts";
import type { Network } from "../net/network.ts";
import { type OpenSet, portKey, writeKey, writeLists } from "./element.ts";
import { writeExpression } from "./expressions.ts";
import { intervals } from "./intervals.ts";
import { INET, type Layout } from "./layout.ts";
import { FLAG, LITTLE, type NetlinkWriter } from "./netlink.ts";
import { ELEMENT, ELEMENT_FLAGS, ELEMENTS, KEY_TYPE, LIST_ELEMENT, MESSAGE, SET, SET_FLAGS } from "./nftables.ts";

export const GUARDED = "guarded";

/** Where messages go: into this batch, and there to this table. */
export interface Target {
  readonly w: NetlinkWriter;
  readonly table: string;
}

export function writeGuardedSet(to: Target, id: number): void {
  const flags = SET_FLAGS.interval | SET_FLAGS.concatenation;
  writeSet(to, { name: GUARDED, id, flags, type: KEY_TYPE.port, length: 8, fields: [1, 2] });
}

export function writeGuarded({ w, table }: Target, what: "add" | "delete", ports: Layout["guarded"]): void {
  const begin = () => {
    w.message(what === "add" ? MESSAGE.newElement : MESSAGE.delElement, what === "add" ? FLAG.create : 0, INET);
    w.string(ELEMENTS.table, table).string(ELEMENTS.set, GUARDED);
  };
  writeLists(w, begin, ports, ({ protocol, low, high }) => {
    w.nested(LIST_ELEMENT, () => {
      writeKey(w, ELEMENT.key, portKey(protocol, low));
      writeKey(w, ELEMENT.keyEnd, portKey(protocol, high));
    });
  });
}

export function writeOpenSet(to: Target, { set, family, isInterval }: OpenSet, id: number): void {
  const flags = SET_FLAGS.timeout | (isInterval ? SET_FLAGS.interval | SET_FLAGS.concatenation : 0);
  const type = family === 4 ? KEY_TYPE.ipv4Port : KEY_TYPE.ipv6Port;
  const address = family === 4 ? 4 : 16;
  const fields = isInterval ? [address, 1, 2] : [];
  writeSet(to, { name: set, id, flags, type, length: address + 8, fields });
  writeExpression(to.w, SET.expression, "counter", () => {});
}

interface NewSet {
  readonly name: string;
  readonly id: number;
  readonly flags: number;
  readonly type: number;
  /** `length`: bytes of a key. `fields`: bytes of each field, if the fields have ranges of their own. */
  readonly length: number;
  readonly fields: readonly number[];
}

function writeSet({ w, table }: Target, { name, id, flags, type, length, fields }: NewSet): void {
  w.message(MESSAGE.newSet, FLAG.create, INET)
    .string(SET.table, table)
    .string(SET.name, name)
    .u32(SET.flags, flags)
    .u32(SET.keyType, type)
    .u32(SET.keyLength, length)
    .u32(SET.id, id);
  if (fields.length === 0) return;
  const concatenation = 2; // NFTA_SET_DESC_CONCAT
  w.nested(SET.description, () =>
    w.nested(concatenation, () => {
      for (const field of fields) w.nested(LIST_ELEMENT, () => w.u32(1, field));
    }),
  );
}

/** Userdata that says that the keys of a set are big endian: type, length and value in this machine's byte order. */
const BIG_ENDIAN_KEY = Uint8Array.of(0, 4, ...(LITTLE ? [2, 0, 0, 0] : [0, 0, 0, 2]));

export function allowed(networks: readonly Network[], family: 4 | 6): Network[] {
  return networks.filter(({ address }) => isIpv4(address) === (family === 4));
}

/** Writes networks as `nft` does: one element begins a network, and one behind its last address ends it. */
export function writeAllowed(to: Target, { options }: Layout, firstId: number): void {
  const { w, table } = to;
  for (const family of [4, 6] as const) {
    const networks = allowed(options.allow, family);
    if (networks.length === 0) continue;
    const [name, length] = [`allow${family}`, family === 4 ? 4 : 16];
    const type = family === 4 ? KEY_TYPE.ipv4 : KEY_TYPE.ipv6;
    writeSet(to, { name, id: firstId + family, flags: SET_FLAGS.interval, type, length, fields: [] });
    w.raw(SET.userdata, BIG_ENDIAN_KEY); // otherwise nft cannot list it
    const begin = () => {
      w.message(MESSAGE.newElement, FLAG.create, INET);
      w.string(ELEMENTS.table, table).string(ELEMENTS.set, name);
    };
    writeLists(w, begin, intervals(networks, family), ([start, end]) => {
      w.nested(LIST_ELEMENT, () => writeKey(w, ELEMENT.key, start));
      if (end === undefined) return;
      w.nested(LIST_ELEMENT, () => {
        w.u32(ELEMENT.flags, ELEMENT_FLAGS.intervalEnd);
        writeKey(w, ELEMENT.key, end);
      });
    });
  }
}
