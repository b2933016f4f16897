// Our table in the kernel, or the user's two sets: built at the start, changed at a reload, and built anew when somebody
// has taken it away. Each step is one batch: it happens as a whole, or not at all.

import type { Door } from "../config/door.ts";
import type { FirewallOptions } from "../config/opening.ts";
import { carryOver, identity } from "./carry-over.ts";
import { commentOf, type OpenElement, writeElements } from "./element.ts";
import { errorName, refusal } from "./firewall-error.ts";
import { ownElements, userSetsOf } from "./kernel-state.ts";
import type { KernelTables } from "./kernel-tables.ts";
import { INET, type Layout, layoutOf, TABLE_NAME } from "./layout.ts";
import { NetlinkWriter, readMessages } from "./netlink.ts";
import { CHAIN, MESSAGE, TABLE, TABLE_FLAGS } from "./nftables.ts";
import { writeDeleteTable, writeGuarded, writeTable } from "./ruleset.ts";

export class GateTable {
  readonly #kernel: KernelTables;
  readonly #lockTable: () => void;
  #flags: number;
  #layout: Layout | undefined;
  /** What the config asks for; the layout has none of it while everybody may come in. */
  #guarded: Layout["guarded"] = [];

  /** `mayOwn` false: a table that anybody may change, as on kernels before 6.9; `lockTable` comes before it is built. */
  constructor(kernel: KernelTables, mayOwn: boolean, lockTable: () => void = () => {}) {
    this.#kernel = kernel;
    this.#lockTable = lockTable;
    this.#flags = mayOwn ? TABLE_FLAGS.owner | TABLE_FLAGS.persist : 0;
  }

  /** After `apply`. */
  get layout(): Layout {
    return this.#layout!;
  }

  /** The kernel lets nobody else take it away. */
  get isOwned(): boolean {
    return !this.#isUsers && this.#flags !== 0;
  }

  get #isUsers(): boolean {
    return this.#layout?.options.mode.kind === "set";
  }

  /**
   * Makes the kernel hold what this config needs. Returns what is open then: what was, as far as its door still opens it.
   * Throws FirewallError, and then all is as it was.
   */
  apply(doors: readonly Door[], options: FirewallOptions): readonly OpenElement[] {
    const layout = layoutOf(doors, options, userSetsOf(this.#kernel, doors, options));
    const before = this.#layout;
    const elements = options.mode.kind === "set" ? this.#inUsersSets(layout) : ownElements(this.#kernel);
    const open = carryOver(elements ?? [], layout);
    if (options.mode.kind === "set") this.#change(elements ?? [], open);
    else if (before !== undefined && elements !== undefined && shapeOf(before) === shapeOf(layout))
      this.#change(elements, open, before, layout);
    else this.#build(layout, open, elements !== undefined);
    if (before !== undefined && options.mode.kind === "set" && before.options.mode.kind !== "set") this.#deleteTable();
    this.#layout = layout;
    this.#guarded = layout.guarded;
    return open;
  }

  /** Lets everybody in, or no longer; until the next `apply`. False without a gate. Throws FirewallError. */
  guard(isClosed: boolean): boolean {
    if (this.layout.options.mode.kind !== "gate") return false;
    const after = { ...this.layout, guarded: isClosed ? this.#guarded : [] };
    this.#change([], [], this.layout, after);
    this.#layout = after;
    return true;
  }

  /** It was taken away: builds it anew, with these elements. Throws FirewallError or KernelError. */
  restore(open: readonly OpenElement[]): void {
    if (!this.#isUsers) this.#build(this.layout, open, ownElements(this.#kernel) !== undefined);
    else if (open.length > 0) {
      const errno = this.#kernel.transact(renewal(open));
      if (errno !== 0) throw refusal("the user's sets can't be filled again", errno);
    }
  }

  /** No door needs it any more: nothing of it stays. What is open in the user's sets ends in its time. */
  remove(): void {
    if (this.#layout !== undefined && !this.#isUsers) this.#deleteTable();
    this.#layout = undefined;
  }

  /** Has somebody else taken away what we need, or given back the user's sets? */
  isTouched(messages: Uint8Array): boolean {
    const { mode } = this.layout.options;
    const table = mode.kind === "set" ? mode.table : TABLE_NAME;
    for (const { type, port, attributes } of readMessages(messages)) {
      const changes: readonly number[] = mode.kind === "set" ? [MESSAGE.newSet] : TAKEN_AWAY;
      const name = type === MESSAGE.delTable ? attributes.string(TABLE.name) : attributes.string(CHAIN.table);
      if (port !== this.#kernel.port && changes.includes(type) && name === table) return true;
    }
    return messages.length === 0; // some were lost
  }

  #inUsersSets(layout: Layout): OpenElement[] {
    const doors = new Set([...layout.doors.keys(), ...(this.#layout?.doors.keys() ?? [])].map(commentOf));
    return layout.sets.flatMap((set) => this.#kernel.elements(set)).filter(({ comment }) => doors.has(comment));
  }

  /** Owned by us where the kernel has that. */
  #build(layout: Layout, open: readonly OpenElement[], isThere: boolean): void {
    for (;;) {
      if (this.#flags === 0) this.#lockTable();
      const w = new NetlinkWriter().beginBatch();
      if (isThere) writeDeleteTable(w);
      writeTable(w, layout, this.#flags);
      writeElements(w, "add", open);
      const errno = this.#kernel.transact(w.endBatch().bytes);
      if (errno === 0) return;
      if (this.#flags === 0 || !UNKNOWN_FLAGS.includes(errorName(errno)))
        throw refusal("the table `inet knockd` can't be built", errno);
      this.#flags = 0;
    }
  }

  /** Only what is different: guarded ports when both layouts are given, and elements. */
  #change(elements: readonly OpenElement[], open: readonly OpenElement[], before?: Layout, after?: Layout): void {
    const w = new NetlinkWriter().beginBatch();
    const empty = w.length;
    if (before !== undefined && after !== undefined) {
      const text = (ports: Layout["guarded"][number]) => `${ports.protocol} ${ports.low} ${ports.high}`;
      const without = (some: Layout["guarded"], others: Layout["guarded"]) => {
        const there = new Set(others.map(text));
        return some.filter((ports) => !there.has(text(ports)));
      };
      writeGuarded(w, "delete", without(before.guarded, after.guarded));
      writeGuarded(w, "add", without(after.guarded, before.guarded));
    }
    const [old, next] = [new Set(elements.map(identity)), new Set(open.map(identity))];
    const gone = elements.filter((one) => !next.has(identity(one)));
    writeElements(w, "add", gone); // one that has just ended would make the whole batch fail
    writeElements(w, "delete", gone);
    writeElements(
      w,
      "add",
      open.filter((one) => !old.has(identity(one))),
    );
    if (w.length === empty) return;
    const errno = this.#kernel.transact(w.endBatch().bytes);
    if (errno !== 0) throw refusal("the sets can't be changed", errno);
  }

  #deleteTable(): void {
    if (this.#kernel.table(INET, TABLE_NAME) === undefined) return;
    const w = new NetlinkWriter().beginBatch();
    writeDeleteTable(w);
    this.#kernel.transact(w.endBatch().bytes);
  }
}

/** Linux before 6.9, and before 5.12. */
const UNKNOWN_FLAGS = ["EOPNOTSUPP", "EINVAL"];

const TAKEN_AWAY: readonly number[] = [
  MESSAGE.delTable,
  MESSAGE.delChain,
  MESSAGE.delRule,
  MESSAGE.delSet,
  MESSAGE.delElement,
];

/** Linux before 6.12 keeps the old time of an element that is added again: it is deleted in between. */
export function renewal(elements: readonly OpenElement[]): Uint8Array {
  const w = new NetlinkWriter().beginBatch();
  writeElements(w, "add", elements);
  writeElements(w, "delete", elements);
  writeElements(w, "add", elements);
  return w.endBatch().bytes;
}

/** What of a table cannot be changed without building it anew: its sets and its rules. */
function shapeOf({ options, sets, hasUdp }: Layout): string {
  const { mode, reply, allow } = options;
  return JSON.stringify([mode, reply, allow, hasUdp, sets.map(({ set }) => set)]);
}
