// Keeps the gate closed on kernels where anyone may remove our table (before Linux 6.9), until it is built again. A second
// table right behind it lets in only packets that the first one has let in. Since Linux 5.12, `nft flush ruleset` spares a
// table with an owner. Such a table goes with its owner, so it cannot be the gate itself: the gate must survive the daemon.

import type { Door } from "../config/door.ts";
import type { FirewallOptions } from "../config/opening.ts";
import { KernelError, type KernelTables } from "./kernel-tables.ts";
import { BACKSTOP_NAME, INET, type Layout, layoutOf } from "./layout.ts";
import { NetlinkWriter } from "./netlink.ts";
import { writeBackstop, writeDeleteTable } from "./ruleset.ts";
import { configOf, tableComment } from "./table-comment.ts";

export class Backstop {
  readonly #kernel: Pick<KernelTables, "table" | "transact">;
  readonly #comment: string;
  /** Of the gate for which it was built. Undefined: it is not there. */
  #layout: Layout | undefined;

  /** The table goes when the socket of `kernel` closes. `config`: as in GateTableOptions. */
  constructor(kernel: Pick<KernelTables, "table" | "transact">, config: string) {
    this.#kernel = kernel;
    this.#comment = tableComment(config);
  }

  /**
   * Removes a backstop without an owner, which was saved with other rules and loaded again. No gate of ours tags for it, so it
   * would shut everyone out. Call this at the start. If the kernel refuses, building the gate fails as well.
   */
  removeLoaded(): void {
    try {
      const there = this.#kernel.table(INET, BACKSTOP_NAME);
      if (there === undefined || there.owner !== undefined || configOf(there.comment) === undefined) return;
      this.#delete();
    } catch (error) {
      if (!(error instanceof KernelError)) throw error;
    }
  }

  /** Would it be the same for the gate of this config? */
  isFor(doors: readonly Door[], options: FirewallOptions): boolean {
    return this.#layout !== undefined && options.mode.kind === "gate" && isSame(this.#layout, layoutOf(doors, options));
  }

  /** Builds it for the gate of this layout, after `remove`. Kernels that know no owner refuse it, and do without. */
  build(layout: Layout): void {
    if (this.#layout !== undefined) return; // the old one stays, and refuses more rather than less
    const w = new NetlinkWriter().beginBatch();
    writeBackstop(w, layout, this.#comment);
    if (this.#kernel.transact(w.endBatch().bytes) === 0) this.#layout = layout;
  }

  /** Call it before the gate changes: a packet that the new gate lets in must not meet the old backstop. */
  remove(): void {
    if (this.#layout !== undefined && this.#delete()) this.#layout = undefined;
  }

  #delete(): boolean {
    const w = new NetlinkWriter().beginBatch();
    writeDeleteTable(w, BACKSTOP_NAME);
    return this.#kernel.transact(w.endBatch().bytes) === 0;
  }
}

/** Do both let in the same packets? */
function isSame(one: Layout, other: Layout): boolean {
  const shown = ({ guarded, options }: Layout) => JSON.stringify([guarded, options.allow]);
  return shown(one) === shown(other);
}
