// Our table as messages of nf_tables. It is the gate, which refuses new connections to guarded ports, or it sets the mark that
// the user's own rules accept. docs/firewall.md shows both in the form of `nft list table inet knockd`.

import type { OpenedPorts } from "../config/opening.ts";
import { userdata } from "./element.ts";
import type { Expression } from "./expressions.ts";
import * as expr from "./expressions.ts";
import { BACKSTOP_NAME, INET, type Layout, TABLE_NAME } from "./layout.ts";
import { FLAG, type NetlinkWriter } from "./netlink.ts";
import { CHAIN, MESSAGE, SET, TABLE, TABLE_FLAGS } from "./nftables.ts";
import {
  allowed,
  GUARDED,
  type Target,
  writeAllowed,
  writeGuarded,
  writeGuardedSet,
  writeOpenSet,
} from "./table-sets.ts";

const GATE = "gate";
const OPENED = "opened";
const FRAGMENTS = "fragments";
const PREROUTING = "prerouting";

/** Before DNAT (-100), which changes the port numbers that Docker publishes, and after fragments are reassembled. */
const GATE_PRIORITY = -150;
const BACKSTOP_PRIORITY = GATE_PRIORITY + 1;
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
  const to: Target = { w, table: TABLE_NAME };
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
  for (const set of layout.sets) if (!there.sets.has(set.set)) writeOpenSet(to, set, id++);
  if (layout.options.mode.kind === "mark") {
    writeMark(to, layout, layout.options.mode.mark);
    return;
  }
  if (!there.sets.has(GUARDED)) {
    writeGuardedSet(to, id++);
  }
  writeAllowed(to, layout, id);
  writeGate(to, layout, flags === 0 ? "tagged" : "alone");
  writeGuardedDifference(w, there.guarded, layout.guarded);
}

/** The table of backstop.ts. It goes when its owner's socket closes. */
export function writeBackstop(w: NetlinkWriter, layout: Layout, comment: string): void {
  const to: Target = { w, table: BACKSTOP_NAME };
  w.message(MESSAGE.newTable, FLAG.create, INET)
    .string(TABLE.name, BACKSTOP_NAME)
    .u32(TABLE.flags, TABLE_FLAGS.owner)
    .raw(TABLE.userdata, userdata(comment));
  writeGuardedSet(to, 1);
  writeAllowed(to, layout, 2);
  writeGate(to, layout, "backstop");
  writeGuarded(to, "add", layout.guarded);
}

/** Writes only what is different. If a guarded port was removed and added again, a packet could pass in between. */
export function writeGuardedDifference(w: NetlinkWriter, before: Layout["guarded"], after: Layout["guarded"]): void {
  const text = ({ protocol, low, high }: OpenedPorts) => `${protocol} ${low} ${high}`;
  const without = (some: Layout["guarded"], others: Layout["guarded"]) => {
    const there = new Set(others.map(text));
    return some.filter((ports) => !there.has(text(ports)));
  };
  const to: Target = { w, table: TABLE_NAME };
  writeGuarded(to, "delete", without(before, after));
  writeGuarded(to, "add", without(after, before));
}

export function writeDeleteTable(w: NetlinkWriter, name = TABLE_NAME): void {
  w.message(MESSAGE.delTable, 0, INET).string(TABLE.name, name);
}

/**
 * A `tagged` gate tags the packets of those who have knocked. The `backstop` behind it lets only tagged packets in.
 */
function writeGate(to: Target, { sets, hasUdp, options }: Layout, kind: "alone" | "tagged" | "backstop"): void {
  for (const chain of [GATE, FRAGMENTS]) writeChain(to, chain);
  writeChain(to, PREROUTING, kind === "backstop" ? BACKSTOP_PRIORITY : GATE_PRIORITY);
  const rule = (chain: string, ...parts: (readonly Expression[])[]) => writeRule(to, chain, parts.flat());

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
  if (kind === "backstop") rule(GATE, expr.isTagged, expr.untag, [expr.returns]);
  else {
    const tag = kind === "tagged" ? expr.tag : [];
    for (const { set, family, prefix } of sets) rule(GATE, expr.mayEnter(set, family, prefix), tag, [expr.returns]);
  }
  for (const family of [4, 6] as const) {
    if (allowed(options.allow, family).length > 0) rule(GATE, expr.sourceIn(`allow${family}`, family), [expr.returns]);
  }
  if (options.reply === "reset" && kind !== "backstop") {
    rule(GATE, expr.isTcp, [expr.rejectWithReset]);
    if (hasUdp) rule(GATE, [expr.rejectWithIcmp]);
  }
  rule(GATE, [expr.drop]);
}

function writeMark(to: Target, { sets, hasUdp }: Layout, bits: number): void {
  writeChain(to, OPENED);
  writeChain(to, PREROUTING, MARK_PRIORITY);
  writeRule(to, PREROUTING, [...expr.beginsTcp, expr.jump(OPENED)]);
  if (hasUdp) writeRule(to, PREROUTING, [...expr.isUdp, expr.jump(OPENED)]);
  for (const { set, family, prefix } of sets) {
    writeRule(to, OPENED, [...expr.mayEnter(set, family, prefix), ...expr.addMark(bits)]);
  }
}

function writeChain({ w, table }: Target, name: string, priority?: number): void {
  w.message(MESSAGE.newChain, FLAG.create, INET).string(CHAIN.table, table).string(CHAIN.name, name);
  if (priority === undefined) return;
  w.string(CHAIN.type, "filter")
    .u32(CHAIN.policy, POLICY_ACCEPT)
    .nested(CHAIN.hook, () => w.u32(1, HOOK_PREROUTING).u32(2, priority >>> 0));
}

function writeRule({ w, table }: Target, chain: string, expressions: readonly Expression[]): void {
  const [name, list] = [1, 4]; // NFTA_RULE_*
  w.message(MESSAGE.newRule, FLAG.create | FLAG.append, INET)
    .string(name, table)
    .string(RULE_CHAIN, chain)
    .nested(list, () => {
      for (const write of expressions) write(w);
    });
}
