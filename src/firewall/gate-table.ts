// Our table in the kernel, or the user's two sets: built at the start, changed at a reload, and built anew when somebody
// has taken it away. Each step is one batch: it happens as a whole, or not at all.

import type { Door } from "../config/door.ts";
import type { FirewallOptions } from "../config/opening.ts";
import { carryOver } from "./carry-over.ts";
import { commentOf, type OpenElement, writeElements } from "./element.ts";
import { renewal, writeDifference } from "./element-batches.ts";
import { errorName, refusal } from "./firewall-error.ts";
import { type OwnTable, ownTable, userSetsOf } from "./kernel-state.ts";
import { KernelError, type KernelTables } from "./kernel-tables.ts";
import { INET, isSameKernel, type Layout, layoutOf, shapeOf, TABLE_NAME } from "./layout.ts";
import { NetlinkWriter, readMessages } from "./netlink.ts";
import { CHAIN, MESSAGE, TABLE, TABLE_FLAGS } from "./nftables.ts";
import {
  GUARDED,
  type TableHeader,
  writeDeleteTable,
  writeGuardedDifference,
  writeTable,
  writeUpdate,
} from "./ruleset.ts";
import { tableComment } from "./table-comment.ts";

export interface GateTableOptions {
  /** The real path of the config whose doors it serves. */
  readonly config: string;
  /** False: a table that anybody may change, as on kernels before 6.9. */
  readonly mayOwn?: boolean | undefined;
  /** Comes before a table is built that nobody owns: throws when another daemon of ours has it. */
  readonly lockTable?: (() => void) | undefined;
}

export class GateTable {
  readonly #kernel: KernelTables;
  readonly #config: string;
  readonly #lockTable: () => void;
  #flags: number;
  #layout: Layout | undefined;
  #handledChange: number | undefined;
  /** The batch that builds it where there is none, as far as the open elements: no gate stands while it is being written. */
  #whole: NetlinkWriter | undefined;
  /** What the config asks for; the layout has none of it while everyone may come in. */
  #guarded: Layout["guarded"] = [];

  constructor(kernel: KernelTables, { config, mayOwn = true, lockTable = () => {} }: GateTableOptions) {
    this.#kernel = kernel;
    this.#config = config;
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

  get #header(): TableHeader {
    return { flags: this.#flags, comment: tableComment(this.#config) };
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
    const own = options.mode.kind === "set" ? undefined : ownTable(this.#kernel, this.#config);
    const elements = own?.elements ?? (options.mode.kind === "set" ? this.#inUsersSets(layout) : []);
    const open = carryOver(elements, layout);
    const isSame = before !== undefined && shapeOf(before) === shapeOf(layout);
    if (options.mode.kind === "set") this.#change(elements, open);
    else if (isSame && own !== undefined) this.#change(elements, open, own.guarded, layout.guarded);
    else if (own === undefined || !this.#update(layout, own, open)) this.#build(layout, open, own !== undefined);
    if (before !== undefined && !isSameKernel(before, layout)) this.#cleanUp(before);
    this.#use(layout);
    this.#guarded = layout.guarded;
    return open;
  }

  /** Lets everyone in, or no longer; until the next `apply`. False without a gate. Throws FirewallError. */
  guard(isClosed: boolean): boolean {
    if (this.layout.options.mode.kind !== "gate") return false;
    const after = { ...this.layout, guarded: isClosed ? this.#guarded : [] };
    this.#change([], [], this.layout.guarded, after.guarded);
    this.#use(after);
    return true;
  }

  /** Builds the table again after it was removed, with these elements. Throws FirewallError or KernelError. */
  restore(open: readonly OpenElement[]): void {
    if (!this.#isUsers) {
      if (!this.#rebuild(open)) this.#build(this.layout, open, ownTable(this.#kernel, this.#config) !== undefined);
    } else if (open.length > 0) {
      const errno = this.#kernel.transact(renewal(open));
      if (errno !== 0) throw refusal("the user's sets can't be filled again", errno);
    }
  }

  /** No door needs it any more: nothing of it stays. */
  remove(): void {
    if (this.#layout !== undefined) this.#cleanUp(this.#layout);
    this.#layout = undefined;
    this.#whole = undefined;
  }

  /** Has another program removed what we need, or restored the user's sets? */
  isTouched(messages: Uint8Array): boolean {
    const { mode } = this.layout.options;
    const table = mode.kind === "set" ? mode.table : TABLE_NAME;
    for (const { type, port, change, attributes } of readMessages(messages)) {
      const changes: readonly number[] = mode.kind === "set" ? [MESSAGE.newSet] : TAKEN_AWAY;
      const name = type === MESSAGE.delTable ? attributes.string(TABLE.name) : attributes.string(CHAIN.table);
      if (port !== this.#kernel.port && changes.includes(type) && name === table) return !this.#isRestored(change);
    }
    return messages.length === 0; // some were lost
  }

  /** A flush of large tables comes in several messages: at the first one the table was built anew. */
  #isRestored(change: number): boolean {
    const isSame = change === this.#handledChange && !this.#isUsers;
    this.#handledChange = change;
    return isSame && this.#kernel.table(INET, TABLE_NAME) !== undefined;
  }

  #inUsersSets(layout: Layout): OpenElement[] {
    const doors = new Set([...layout.doors.keys(), ...(this.#layout?.doors.keys() ?? [])].map(commentOf));
    return layout.sets.flatMap((set) => this.#kernel.elements(set)).filter(({ comment }) => doors.has(comment));
  }

  #use(layout: Layout): void {
    this.#layout = layout;
    if (layout.options.mode.kind === "set") return;
    this.#whole = new NetlinkWriter().beginBatch();
    writeTable(this.#whole, layout, { ...this.#header, isNew: true });
  }

  /** False, and nothing has happened: there is still a table, or the kernel refuses it. */
  #rebuild(open: readonly OpenElement[]): boolean {
    const w = this.#whole!.copy();
    writeElements(w, "add", open);
    return this.#kernel.transact(w.endBatch().bytes) === 0;
  }

  /** False: what is there is not as we build it. */
  #update(layout: Layout, own: OwnTable, open: readonly OpenElement[]): boolean {
    if (own.sets.has(GUARDED) !== (layout.options.mode.kind === "gate")) return false;
    if (this.#flags === 0) this.#lockTable();
    const w = new NetlinkWriter().beginBatch();
    writeUpdate(w, layout, this.#header, own);
    const sets = new Set(layout.sets.map(({ set }) => set));
    const stays = own.elements.filter(({ set }) => sets.has(set.set)); // with its set goes what is in it
    writeDifference(w, stays, open);
    const errno = this.#kernel.transact(w.endBatch().bytes);
    if (errno === 0) return true;
    if (OTHER_SHAPE.includes(errorName(errno))) return false;
    throw refusal("the table `inet knockd` can't be changed", errno);
  }

  /** Owned by us where the kernel has that. */
  #build(layout: Layout, open: readonly OpenElement[], isThere: boolean): void {
    for (;;) {
      if (this.#flags === 0) this.#lockTable();
      const w = new NetlinkWriter().beginBatch();
      if (isThere) writeDeleteTable(w);
      writeTable(w, layout, this.#header);
      writeElements(w, "add", open);
      const errno = this.#kernel.transact(w.endBatch().bytes);
      if (errno === 0) return;
      if (this.#flags === 0 || !UNKNOWN_FLAGS.includes(errorName(errno)))
        throw refusal("the table `inet knockd` can't be built", errno);
      this.#flags = 0;
    }
  }

  /** Only what is different. */
  #change(
    elements: readonly OpenElement[],
    open: readonly OpenElement[],
    guardedBefore: Layout["guarded"] = [],
    guarded: Layout["guarded"] = [],
  ): void {
    const w = new NetlinkWriter().beginBatch();
    const empty = w.length;
    writeGuardedDifference(w, guardedBefore, guarded);
    writeDifference(w, elements, open);
    if (w.length === empty) return;
    const errno = this.#kernel.transact(w.endBatch().bytes);
    if (errno !== 0) throw refusal("the sets can't be changed", errno);
  }

  /** What may stay open for ever in the user's sets is closed: nobody would know of it any more. */
  #cleanUp({ options, sets, doors }: Layout): void {
    if (options.mode.kind !== "set") {
      this.#removeTable();
      return;
    }
    const comments = new Set([...doors.keys()].map(commentOf));
    const open = sets.flatMap((set) => this.#kernel.elements(set)).filter(({ comment }) => comments.has(comment));
    const w = new NetlinkWriter().beginBatch();
    writeDifference(w, open, []);
    if (open.length > 0) this.#kernel.transact(w.endBatch().bytes);
  }

  /** The new config is in force already. What the kernel refuses now, the firewall tries again, and reports. */
  #removeTable(): void {
    try {
      removeLeftTable(this.#kernel, this.#config);
    } catch (error) {
      if (!(error instanceof KernelError)) throw error;
    }
  }
}

/** Removes the table of this config, if there is one that no other process owns. Throws KernelError. */
export function removeLeftTable(kernel: KernelTables, config: string): void {
  const table = kernel.table(INET, TABLE_NAME);
  if (table?.comment !== tableComment(config)) return;
  if (table.owner !== undefined && table.owner !== kernel.port) return;
  const w = new NetlinkWriter().beginBatch();
  writeDeleteTable(w);
  const errno = kernel.transact(w.endBatch().bytes);
  if (errno !== 0) throw new KernelError(errno);
}

/** A chain is gone, a set is of another kind, or the table is one that we cannot own any more. */
const OTHER_SHAPE = ["ENOENT", "EEXIST", "EOPNOTSUPP", "EINVAL", "EBUSY"];
/** Linux before 6.9, and before 5.12. */
const UNKNOWN_FLAGS = ["EOPNOTSUPP", "EINVAL"];
const TAKEN_AWAY: readonly number[] = [
  MESSAGE.delTable,
  MESSAGE.delChain,
  MESSAGE.delRule,
  MESSAGE.delSet,
  MESSAGE.delElement,
];
