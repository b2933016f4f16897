// Our table as messages of nf_tables. It is the gate, which refuses new connections to guarded ports, or it sets the mark that
// the user's own rules accept. docs/firewall.md shows both in the form of `nft list table inet knockd`.

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

/** Before DNAT (-100), which changes the port numbers that Docker publishes, and after fragments are reassembled. */
const GATE_PRIORITY = -150;
/** After iptables' mangle table (-150), which may overwrite the mark with that of the connection. */
const MARK_PRIORITY = -140;
const RULE_CHAIN = 2; // NFTA_RULE_CHAIN
const HOOK_PREROUTING = 0;
const POLICY_ACCEPT = 1;

export interface TableHeader {
  /** TABLE_FLAGS, or 0 for a table without an owner. */
  readonly flags: number;
  readonly comment: string;
  /** Fail with EEXIST if a table with this name exists? */
  readonly isNew?: boolean;
}

export function writeTable(w: NetlinkWriter, layout: Layout, header: TableHeader): void {
  writeUpdate(w, layout, header, { sets: new Set(), guarded: [] });
}

/** The parts of our table that exist already. */
export interface ThereIs {
  readonly sets: ReadonlySet<string>;
  readonly guarded: readonly OpenedPorts[];
}

/**
 * Changes an existing table into this one. Its chains stay and get new rules; its sets stay with their elements. If the table
 * was deleted and built again, some packets would meet half of each table, because the kernel checks twice which one counts.
 * Here no packet does.
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
    // The networks of `allow` are written again. Nobody gets in meanwhile who should not.
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

/** Writes only what is different. If a guarded port was removed and added again, a packet could pass in between. */
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

  // Accept this host's own connections. No packet from outside arrives through lo.
  rule(PREROUTING, expr.fromLoopback, [expr.accept]);
  rule(PREROUTING, expr.beginsTcp, [expr.jump(GATE)]);
  if (hasUdp) rule(PREROUTING, expr.isUdp, expr.isNew, [expr.jump(GATE)]);
  rule(PREROUTING, expr.isFragment, [expr.jump(FRAGMENTS)]);

  // If nothing reassembles fragments before us, a SYN with its flags in the second fragment would pass (RFC 1858). Drop such
  // fragments: no honest sender cuts a packet there.
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
  /** `length`: bytes of a key. `fields`: bytes of each field, if the fields have ranges of their own. */
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

/** Userdata that says that the keys of a set are big endian: type, length and value in this machine's byte order. */
const BIG_ENDIAN_KEY = Uint8Array.of(0, 4, ...(LITTLE ? [2, 0, 0, 0] : [0, 0, 0, 2]));

function allowed(networks: readonly Network[], family: 4 | 6): Network[] {
  return networks.filter(({ address }) => isIpv4(address) === (family === 4));
}

/** Writes networks as `nft` does: one element begins a network, and one behind its last address ends it. */
function writeAllowed(w: NetlinkWriter, { options }: Layout, firstId: number): void {
  for (const family of [4, 6] as const) {
    const networks = allowed(options.allow, family);
    if (networks.length === 0) continue;
    const [name, length] = [`allow${family}`, family === 4 ? 4 : 16];
    const type = family === 4 ? KEY_TYPE.ipv4 : KEY_TYPE.ipv6;
    writeSet(w, { name, id: firstId + family, flags: SET_FLAGS.interval, type, length, fields: [] });
    w.raw(SET.userdata, BIG_ENDIAN_KEY); // otherwise nft cannot list it
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
