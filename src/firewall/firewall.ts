// The firewall of the doors that need no command: our table in the kernel, kept as the config asks, and what is open there.

import type { Door } from "../config/door.ts";
import type { FirewallOptions } from "../config/opening.ts";
import type { Address } from "../net/address.ts";
import type { NativeNftSocket, NativeNftWatch } from "../platform/native.ts";
import { systemErrorText } from "../platform/system-error.ts";
import type { OpenElement } from "./element.ts";
import { refusal } from "./firewall-error.ts";
import type { GateRecord } from "./gate-record.ts";
import { GateTable, type GateTableOptions, removeLeftTable } from "./gate-table.ts";
import { KernelTables } from "./kernel-tables.ts";
import { type BuiltInDoor, isBuiltIn, isNeeded, type Layout } from "./layout.ts";
import type { OpenTime } from "./open-times.ts";
import { type OpenClient, type OpeningResult, Openings } from "./openings.ts";

/** What the gate closes, kept on the disk (gate-record.ts). */
export type KeptRecord = Pick<GateRecord, "isThere" | "save" | "clear">;

export interface FirewallDependencies extends GateTableOptions {
  readonly openSocket: () => NativeNftSocket;
  readonly watch: (onChange: (messages: Uint8Array) => void) => NativeNftWatch;
  /** Seconds, monotonic. */
  readonly now: () => number;
  /** Our table was removed. It has been built again, with `open` open doors; or it has not, for `reason`. */
  readonly onRestored: (open: number, reason: string | undefined) => void;
  readonly record: KeptRecord;
  /** The config is in force, but the record could not be written; or the table of an earlier daemon not be removed. */
  readonly onTrouble: (what: "gate not recorded" | "old table stays", reason: string) => void;
}

/** What there is as long as a door needs it. */
interface Parts {
  readonly kernel: KernelTables;
  readonly table: GateTable;
  readonly openings: Openings;
}

export class Firewall {
  readonly #options: FirewallDependencies;
  #parts: Parts | undefined;
  #watch: NativeNftWatch | undefined;

  constructor(options: FirewallDependencies) {
    this.#options = options;
  }

  /** Doors that have time left, each for each client. */
  get size(): number {
    return this.#parts?.openings.times.size ?? 0;
  }

  /** None closes before this time, in seconds of the monotonic clock; Infinity: none closes. */
  get deadline(): number {
    return this.#parts?.openings.times.earliest ?? Number.POSITIVE_INFINITY;
  }

  /** The kernel lets nobody else take our table away. */
  get isOwned(): boolean {
    return this.#parts?.table.isOwned ?? false;
  }

  /**
   * Makes the kernel hold what this config needs, in one step; what is open stays open as far as its door still opens it.
   * Without a built-in door there is no socket and no table. Throws FirewallError, and then all is as it was.
   */
  apply(doors: readonly Door[], options: FirewallOptions): void {
    if (!isNeeded(doors, options)) {
      this.#parts?.table.remove();
      this.end();
      this.#forget();
      return;
    }
    const parts = this.#parts ?? this.#connect();
    let open: readonly OpenElement[];
    try {
      open = parts.table.apply(doors, options);
    } catch (error) {
      if (this.#parts === undefined) parts.kernel.close();
      throw error;
    }
    this.#parts = parts;
    parts.openings.setLayout(parts.table.layout, open);
    for (const door of doors) if (isBuiltIn(door)) parts.openings.prepare(door);
    this.#listen(parts);
    if (options.mode.kind === "set") this.#forget();
    else this.#keep(parts.table.layout);
  }

  /** Is there, or was there before us, a table of this config? */
  get hasTable(): boolean {
    return this.#parts !== undefined || this.#options.record.isThere;
  }

  /** Lets everyone in, or no longer; until the next `apply`. False without a gate. Throws FirewallError. */
  guard(isClosed: boolean): boolean {
    return this.#parts?.table.guard(isClosed) ?? false;
  }

  /** Lets a client in. The kernel has done it when this returns. */
  open(door: BuiltInDoor, client: Address): OpeningResult {
    const parts = this.#parts;
    // A reload was quicker than the disk, on which it has to be that a code was used.
    if (parts === undefined || !parts.table.layout.doors.has(door.name))
      return { failed: "no door of the config opens it any more" };
    return parts.openings.open(door, client, this.#restore);
  }

  /** False when it was not open. Throws FirewallError. */
  close(door: string, client: Address): boolean {
    return this.#parts?.openings.close(door, client) ?? false;
  }

  /**
   * The seconds that are left then, Infinity when it stays open anyway; undefined when it was not open. Throws
   * FirewallError.
   */
  extend(door: string, client: Address, seconds: number): number | undefined {
    return this.#parts?.openings.extend(door, client, seconds);
  }

  /** What the kernel has open. */
  list(): Iterable<OpenClient> {
    return this.#parts?.openings.list() ?? [];
  }

  /** The doors that have closed since, and for whom. */
  expire(): readonly OpenTime[] {
    return this.#parts?.openings.expire() ?? [];
  }

  /** Closes all that is open, and returns it. The gate stays. Throws FirewallError. */
  closeAll(): readonly OpenTime[] {
    return this.#parts?.openings.closeAll() ?? [];
  }

  /** Lets go of the kernel. What is open stays so, and the gate too. */
  end(): void {
    this.#watch?.close();
    this.#watch = undefined;
    this.#parts?.kernel.close();
    this.#parts = undefined;
  }

  #keep({ guarded: ports, options: { mode, allow, reply } }: Layout): void {
    if (mode.kind === "set") return;
    try {
      this.#options.record.save({ mode: mode.kind, ports, allow, reply });
    } catch (error) {
      this.#options.onTrouble("gate not recorded", systemErrorText(error));
    }
  }

  /** The config needs no table of ours: one that an earlier daemon has left would close its ports for ever. */
  #forget(): void {
    const { record, config, onTrouble } = this.#options;
    if (!record.isThere) return; // it needs no nf_tables then
    try {
      const kernel = new KernelTables(this.#options.openSocket());
      try {
        removeLeftTable(kernel, config);
      } finally {
        kernel.close();
      }
      record.clear();
    } catch (error) {
      onTrouble("old table stays", systemErrorText(error));
    }
  }

  #connect(): Parts {
    try {
      const kernel = new KernelTables(this.#options.openSocket());
      return { kernel, table: new GateTable(kernel, this.#options), openings: new Openings(kernel, this.#options.now) };
    } catch (error) {
      throw refusal(`no socket to nf_tables (${(error as Error).message})`);
    }
  }

  /** A table that we own needs no watch. */
  #listen({ table }: Parts): void {
    if (table.isOwned) {
      this.#watch?.close();
      this.#watch = undefined;
      return;
    }
    this.#watch ??= this.#options.watch((messages) => {
      if (this.#parts?.table.isTouched(messages)) this.#restore();
    });
  }

  readonly #restore = (): boolean => {
    const { table, openings } = this.#parts!;
    let reason: string | undefined;
    try {
      table.restore(openings.remaining());
    } catch (error) {
      reason = (error as Error).message;
    }
    this.#options.onRestored(this.size, reason);
    return reason === undefined;
  };
}
