// Our table in the kernel, or the user's two sets. It is built at the start, changed at a reload, and built again if somebody
// has removed it. Each step is one batch, which the kernel does completely or not at all.

import type { Door } from "../config/door.ts";
import type { FirewallOptions } from "../config/opening.ts";
import { carryOver } from "./carry-over.ts";
import { commentOf, type OpenElement, writeElements } from "./element.ts";
import { renewal, writeDifference } from "./element-batches.ts";
import { errorName, refusal } from "./firewall-error.ts";
import { hasSetsFor, type OwnTable, ownTable, userSetsOf } from "./kernel-state.ts";
import { KernelError, type KernelTables } from "./kernel-tables.ts";
import { INET, isSameKernel, type Layout, layoutOf, shapeOf, TABLE_NAME } from "./layout.ts";
import { NetlinkWriter, readMessages } from "./netlink.ts";
import { CHAIN, MESSAGE, TABLE, TABLE_FLAGS } from "./nftables.ts";
import { type TableHeader, writeDeleteTable, writeGuardedDifference, writeTable, writeUpdate } from "./ruleset.ts";
import { tableComment } from "./table-comment.ts";
import { GUARDED } from "./table-sets.ts";

export interface GateTableOptions {
  /** The identity of the config whose doors it serves (platform/config-identity.ts). */
  readonly config: string;
  /** False: build a table without an owner, which every root process may change, as on kernels before 6.9. */
  readonly mayOwn?: boolean | undefined;
  /** Called before a table without an owner is built. Throws if another daemon of ours uses it. */
  readonly lockTable?: (() => void) | undefined;
}

export class GateTable {
  readonly #kernel: KernelTables;
  readonly #config: string;
  readonly #lockTable: () => void;
  #flags: number;
  #layout: Layout | undefined;
  #handledChange: number | undefined;
  /** The batch that builds a missing table, without the open elements. It is ready, because there is no gate meanwhile. */
  #whole: NetlinkWriter | undefined;
  /** The ports that the config closes. The layout has none of them while the gate is open. */
  #guarded: Layout["guarded"] = [];

  constructor(kernel: KernelTables, { config, mayOwn = true, lockTable = () => {} }: GateTableOptions) {
    this.#kernel = kernel;
    this.#config = config;
    this.#lockTable = lockTable;
    this.#flags = mayOwn ? TABLE_FLAGS.owner | TABLE_FLAGS.persist : 0;
  }

  /** Call `apply` first. */
  get layout(): Layout {
    return this.#layout!;
  }

  /** Do we own the table? Then the kernel lets nobody else change it. */
  get isOwned(): boolean {
    return !this.#isUsers && this.#flags !== 0;
  }

  /** Is there a layout in force, and does it close ports? */
  get isGate(): boolean {
    return this.#layout?.options.mode.kind === "gate";
  }

  get #header(): TableHeader {
    return { flags: this.#flags, comment: tableComment(this.#config) };
  }

  get #isUsers(): boolean {
    return this.#layout?.options.mode.kind === "set";
  }

  /**
   * Gives the kernel what this config needs. Returns the elements that stay open: those whose door still opens the same port.
   * Throws FirewallError; then nothing has changed.
   */
  apply(doors: readonly Door[], options: FirewallOptions): readonly OpenElement[] {
    const layout = layoutOf(doors, options, userSetsOf(this.#kernel, doors, options));
    const before = this.#layout;
    const own = options.mode.kind === "set" ? undefined : ownTable(this.#kernel, this.#config);
    const elements = own?.elements ?? (options.mode.kind === "set" ? this.#inUsersSets(layout) : []);
    const open = carryOver(elements, layout);
    const isSame = before !== undefined && shapeOf(before) === shapeOf(layout);
    if (options.mode.kind === "set") this.#change(elements, open);
    else if (isSame && own !== undefined && hasSetsFor(own, options.mode))
      this.#change(elements, open, own.guarded, own.sets.has(GUARDED) ? layout.guarded : []);
    else if (own === undefined || !this.#update(layout, own, open)) this.#build(layout, open, own !== undefined);
    if (before !== undefined && !isSameKernel(before, layout)) this.#cleanUp(before);
    this.#use(layout);
    this.#guarded = layout.guarded;
    return open;
  }

  /** Opens or closes the gate until the next `apply`. False if there is no gate. Throws FirewallError. */
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

  /** Removes the table, or our elements of the user's sets: no door needs them any more. */
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
    return messages.length === 0; // an empty call means that messages were lost
  }

  /** Was the table built again since? A flush of large tables comes in several messages, and the first one is enough. */
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

  /** Builds a missing table. False, without any change, if there is still a table or the kernel refuses the batch. */
  #rebuild(open: readonly OpenElement[]): boolean {
    const w = this.#whole!.copy();
    writeElements(w, "add", open);
    return this.#kernel.transact(w.endBatch().bytes) === 0;
  }

  /** Changes the table that exists. False if it is not as we build it. */
  #update(layout: Layout, own: OwnTable, open: readonly OpenElement[]): boolean {
    if (!hasSetsFor(own, layout.options.mode)) return false;
    if (this.#flags === 0) this.#lockTable();
    const w = new NetlinkWriter().beginBatch();
    writeUpdate(w, layout, this.#header, own);
    const sets = new Set(layout.sets.map(({ set }) => set));
    const stays = own.elements.filter(({ set }) => sets.has(set.set)); // elements of other sets go with their set
    writeDifference(w, stays, open);
    const errno = this.#kernel.transact(w.endBatch().bytes);
    if (errno === 0) return true;
    if (OTHER_SHAPE.includes(errorName(errno))) return false;
    throw refusal("the table `inet knockd` can't be changed", errno);
  }

  /** Builds the table, with us as its owner if the kernel can do that. */
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

  /** Changes only what is different. */
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

  /** Removes what the old layout had. In the user's sets, elements without a timeout would stay open forever. */
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

  /** The new config is in force already. If the kernel refuses this, firewall.ts tries again and reports it. */
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

/** Errors of a table that is not as we build it: a chain is missing, a set is of another kind, or we can no longer own it. */
const OTHER_SHAPE = ["ENOENT", "EEXIST", "EOPNOTSUPP", "EINVAL", "EBUSY"];
/** Errors of kernels that do not know the flags: Linux before 6.9, and before 5.12. */
const UNKNOWN_FLAGS = ["EOPNOTSUPP", "EINVAL"];
const TAKEN_AWAY: readonly number[] = [
  MESSAGE.delTable,
  MESSAGE.delChain,
  MESSAGE.delRule,
  MESSAGE.delSet,
  MESSAGE.delElement,
];
