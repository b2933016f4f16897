// Our table as messages of nf_tables: the gate, which refuses new connections to guarded ports, or the mark, which the
// user's own rules look at. docs/firewall.md shows both as `nft list table inet knockd` does.

import type { OpenedPorts } from "../config/opening.ts";
import { isIpv4 } from "../net/address.ts";
import type { Network } from "../net/network.ts";
import { portKey, userdata, writeKey } from "./element.ts";
import type { Expression } from "./expressions.ts";
import * as expr from "./expressions.ts";
import { intervals } from "./intervals.ts";
import { INET, type Layout, TABLE_NAME } from "./layout.ts";
import { FLAG, LITTLE, type NetlinkWriter } from "./netlink.ts";
import {
  CHAIN,
  ELEMENT,
  ELEMENT_FLAGS,
  ELEMENTS,
  KEY_TYPE,
  LIST_ELEMENT,
  MESSAGE,
  SET,
  SET_FLAGS,
  TABLE,
} from "./nftables.ts";

export const GUARDED = "guarded";
const GATE = "gate";
const OPENED = "opened";
const FRAGMENTS = "fragments";
const PREROUTING = "prerouting";

/** Before DNAT (-100), so that a published port of Docker has its own number yet; after fragments are put together. */
const GATE_PRIORITY = -150;
/** After iptables' mangle table (-150), which may set the whole mark from that of the connection. */
const MARK_PRIORITY = -140;
const RULE_CHAIN = 2; // NFTA_RULE_CHAIN
const HOOK_PREROUTING = 0;
const POLICY_ACCEPT = 1;

export interface TableHeader {
  /** TABLE_FLAGS, or 0 for a table that anybody may change. */
  readonly flags: number;
  readonly comment: string;
  /** Fails with EEXIST if there is a table of the name. */
  readonly isNew?: boolean;
}

export function writeTable(w: NetlinkWriter, layout: Layout, header: TableHeader): void {
  writeUpdate(w, layout, header, { sets: new Set(), guarded: [] });
}

/** What is there of our table. */
export interface ThereIs {
  readonly sets: ReadonlySet<string>;
  readonly guarded: readonly OpenedPorts[];
}

/**
 * The same in the table that is there: its chains stay where they are, with all rules anew, its sets with what is in them.
 * No packet meets a table that is half of one and half of the other, as some do when a table is deleted and built anew: the
 * kernel looks twice which of both counts.
 */
export function writeUpdate(w: NetlinkWriter, layout: Layout, header: TableHeader, there: ThereIs): void {
  const { flags, comment, isNew = false } = header;
  const isGate = layout.options.mode.kind === "gate";
  w.message(MESSAGE.newTable, isNew ? FLAG.create | FLAG.exclusive : FLAG.create, INET)
    .string(TABLE.name, TABLE_NAME)
    .u32(TABLE.flags, flags)
    .raw(TABLE.userdata, userdata(comment));
  if (there.sets.size > 0) {
    for (const chain of isGate ? [PREROUTING, GATE, FRAGMENTS] : [PREROUTING, OPENED]) {
      w.message(MESSAGE.delRule, 0, INET).string(CHAIN.table, TABLE_NAME).string(RULE_CHAIN, chain);
    }
  }
  const needed = new Set([GUARDED, ...layout.sets.map(({ set }) => set)]);
  for (const set of there.sets) {
    // The networks of `allow` are written anew: nobody who should not is in meanwhile.
    if (!needed.has(set)) w.message(MESSAGE.delSet, 0, INET).string(SET.table, TABLE_NAME).string(SET.name, set);
  }
  let id = 1;
  for (const set of layout.sets) if (!there.sets.has(set.set)) writeOpenSet(w, set, id++);
  if (layout.options.mode.kind === "mark") {
    writeMark(w, layout, layout.options.mode.mark);
    return;
  }
  if (!there.sets.has(GUARDED)) {
    const ranges = SET_FLAGS.interval | SET_FLAGS.concatenation;
    writeSet(w, { name: GUARDED, id: id++, flags: ranges, type: KEY_TYPE.port, length: 8, fields: [1, 2] });
  }
  writeAllowed(w, layout, id);
  writeGate(w, layout);
  writeGuardedDifference(w, there.guarded, layout.guarded);
}

/** Only what is different: while a guarded port is taken out and put in again, a packet may find none. */
export function writeGuardedDifference(w: NetlinkWriter, before: Layout["guarded"], after: Layout["guarded"]): void {
  const text = ({ protocol, low, high }: OpenedPorts) => `${protocol} ${low} ${high}`;
  const without = (some: Layout["guarded"], others: Layout["guarded"]) => {
    const there = new Set(others.map(text));
    return some.filter((ports) => !there.has(text(ports)));
  };
  writeGuarded(w, "delete", without(before, after));
  writeGuarded(w, "add", without(after, before));
}

export function writeDeleteTable(w: NetlinkWriter): void {
  w.message(MESSAGE.delTable, 0, INET).string(TABLE.name, TABLE_NAME);
}

function writeGuarded(w: NetlinkWriter, what: "add" | "delete", ports: Layout["guarded"]): void {
  if (ports.length === 0) return;
  const type = what === "add" ? MESSAGE.newElement : MESSAGE.delElement;
  w.message(type, what === "add" ? FLAG.create : 0, INET)
    .string(ELEMENTS.table, TABLE_NAME)
    .string(ELEMENTS.set, GUARDED)
    .nested(ELEMENTS.elements, () => {
      for (const { protocol, low, high } of ports) {
        w.nested(LIST_ELEMENT, () => {
          writeKey(w, ELEMENT.key, portKey(protocol, low));
          writeKey(w, ELEMENT.keyEnd, portKey(protocol, high));
        });
      }
    });
}

function writeGate(w: NetlinkWriter, { sets, hasUdp, options }: Layout): void {
  for (const chain of [GATE, FRAGMENTS]) writeChain(w, chain);
  writeChain(w, PREROUTING, GATE_PRIORITY);
  const rule = (chain: string, ...parts: (readonly Expression[])[]) => writeRule(w, chain, parts.flat());

  // This host's own connections. No packet from outside comes by this interface.
  rule(PREROUTING, expr.fromLoopback, [expr.accept]);
  rule(PREROUTING, expr.beginsTcp, [expr.jump(GATE)]);
  if (hasUdp) rule(PREROUTING, expr.isUdp, expr.isNew, [expr.jump(GATE)]);
  rule(PREROUTING, expr.isFragment, [expr.jump(FRAGMENTS)]);

  // Where nothing puts fragments together before us, a SYN whose flags are in its second fragment would pass (RFC 1858).
  // No honest sender cuts there.
  rule(FRAGMENTS, expr.hasTcpFlags, [expr.returns]);
  rule(FRAGMENTS, expr.beginsEarly, [expr.drop]);

  rule(GATE, expr.notGuarded(GUARDED), [expr.returns]);
  rule(GATE, expr.toOthers, [expr.returns]);
  rule(GATE, expr.toOthersOfVrf, [expr.returns]);
  for (const { set, family, prefix } of sets) rule(GATE, expr.mayEnter(set, family, prefix), [expr.returns]);
  for (const family of [4, 6] as const) {
    if (allowed(options.allow, family).length > 0) rule(GATE, expr.sourceIn(`allow${family}`, family), [expr.returns]);
  }
  if (options.reply === "reset") {
    rule(GATE, expr.isTcp, [expr.rejectWithReset]);
    if (hasUdp) rule(GATE, [expr.rejectWithIcmp]);
  }
  rule(GATE, [expr.drop]);
}

function writeMark(w: NetlinkWriter, { sets, hasUdp }: Layout, bits: number): void {
  writeChain(w, OPENED);
  writeChain(w, PREROUTING, MARK_PRIORITY);
  writeRule(w, PREROUTING, [...expr.beginsTcp, expr.jump(OPENED)]);
  if (hasUdp) writeRule(w, PREROUTING, [...expr.isUdp, expr.jump(OPENED)]);
  for (const { set, family, prefix } of sets) {
    writeRule(w, OPENED, [...expr.mayEnter(set, family, prefix), ...expr.addMark(bits)]);
  }
}

function writeChain(w: NetlinkWriter, name: string, priority?: number): void {
  w.message(MESSAGE.newChain, FLAG.create, INET).string(CHAIN.table, TABLE_NAME).string(CHAIN.name, name);
  if (priority === undefined) return;
  w.string(CHAIN.type, "filter")
    .u32(CHAIN.policy, POLICY_ACCEPT)
    .nested(CHAIN.hook, () => w.u32(1, HOOK_PREROUTING).u32(2, priority >>> 0));
}

function writeRule(w: NetlinkWriter, chain: string, expressions: readonly Expression[]): void {
  const [table, list] = [1, 4]; // NFTA_RULE_*
  w.message(MESSAGE.newRule, FLAG.create | FLAG.append, INET)
    .string(table, TABLE_NAME)
    .string(RULE_CHAIN, chain)
    .nested(list, () => {
      for (const write of expressions) write(w);
    });
}

function writeOpenSet(w: NetlinkWriter, { set, family, isInterval }: Layout["sets"][number], id: number): void {
  const flags = SET_FLAGS.timeout | (isInterval ? SET_FLAGS.interval | SET_FLAGS.concatenation : 0);
  const type = family === 4 ? KEY_TYPE.ipv4Port : KEY_TYPE.ipv6Port;
  const address = family === 4 ? 4 : 16;
  const fields = isInterval ? [address, 1, 2] : [];
  writeSet(w, { name: set, id, flags, type, length: address + 8, fields });
  expr.writeExpression(w, SET.expression, "counter", () => {});
}

interface NewSet {
  readonly name: string;
  readonly id: number;
  readonly flags: number;
  readonly type: number;
  /** Bytes of a key; and of each of its fields, if they have ranges of their own. */
  readonly length: number;
  readonly fields: readonly number[];
}

function writeSet(w: NetlinkWriter, { name, id, flags, type, length, fields }: NewSet): void {
  w.message(MESSAGE.newSet, FLAG.create, INET)
    .string(SET.table, TABLE_NAME)
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

/** Userdata of a set whose keys are in the order of the network: type, length and value in this machine's byte order. */
const BIG_ENDIAN_KEY = Uint8Array.of(0, 4, ...(LITTLE ? [2, 0, 0, 0] : [0, 0, 0, 2]));

function allowed(networks: readonly Network[], family: 4 | 6): Network[] {
  return networks.filter(({ address }) => isIpv4(address) === (family === 4));
}

/** The networks as `nft` keeps them: each begins with one element, and behind its last address is one that ends it. */
function writeAllowed(w: NetlinkWriter, { options }: Layout, firstId: number): void {
  for (const family of [4, 6] as const) {
    const networks = allowed(options.allow, family);
    if (networks.length === 0) continue;
    const [name, length] = [`allow${family}`, family === 4 ? 4 : 16];
    const type = family === 4 ? KEY_TYPE.ipv4 : KEY_TYPE.ipv6;
    writeSet(w, { name, id: firstId + family, flags: SET_FLAGS.interval, type, length, fields: [] });
    w.raw(SET.userdata, BIG_ENDIAN_KEY); // so that nft lists it
    w.message(MESSAGE.newElement, FLAG.create, INET)
      .string(ELEMENTS.table, TABLE_NAME)
      .string(ELEMENTS.set, name)
      .nested(ELEMENTS.elements, () => {
        for (const [start, end] of intervals(networks, family)) {
          w.nested(LIST_ELEMENT, () => writeKey(w, ELEMENT.key, start));
          if (end === undefined) continue;
          w.nested(LIST_ELEMENT, () => {
            w.u32(ELEMENT.flags, ELEMENT_FLAGS.intervalEnd);
            writeKey(w, ELEMENT.key, end);
          });
        }
      });
  }
}
