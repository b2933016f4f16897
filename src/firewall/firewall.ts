// The firewall of built-in doors: keeps our table in the kernel as the config asks, and opens and closes doors in it.

import type { Door } from "../config/door.ts";
import type { FirewallOptions } from "../config/opening.ts";
import type { Address } from "../net/address.ts";
import type { ExpectedKnock } from "../net/expected-knock.ts";
import type { NativeNftSocket, NativeNftWatch } from "../platform/native.ts";
import { systemErrorText } from "../platform/system-error.ts";
import { Backstop } from "./backstop.ts";
import type { OpenElement } from "./element.ts";
import { ExpectedOpening } from "./expected-opening.ts";
import { refusal } from "./firewall-error.ts";
import type { GateRecord } from "./gate-record.ts";
import { GateTable, type GateTableOptions, removeLeftTable } from "./gate-table.ts";
import { KernelTables } from "./kernel-tables.ts";
import { type BuiltInDoor, isBuiltIn, isNeeded, type Layout } from "./layout.ts";
import type { OpenClient, OpeningResult } from "./open-client.ts";
import type { OpenTime } from "./open-times.ts";
import { Openings } from "./openings.ts";

/** The gate record on the disk (gate-record.ts). */
export type KeptRecord = Pick<GateRecord, "isThere" | "save" | "clear">;

export interface FirewallDependencies extends GateTableOptions {
  readonly openSocket: () => NativeNftSocket;
  readonly watch: (onChange: (messages: Uint8Array) => void) => NativeNftWatch;
  /** Seconds, monotonic. */
  readonly now: () => number;
  /** Our table was removed. It has been built again with `open` open doors, unless there is a `reason` why not. */
  readonly onRestored: (open: number, reason: string | undefined) => void;
  readonly record: KeptRecord;
  /** The config is in force, but the record could not be written, or an old table could not be removed. */
  readonly onTrouble: (what: "gate not recorded" | "old table stays", reason: string) => void;
}

/** The parts that exist while a door needs them. */
interface Parts {
  readonly kernel: KernelTables;
  readonly expected: ExpectedOpening;
  readonly table: GateTable;
  readonly backstop: Backstop;
  readonly openings: Openings;
}

export class Firewall {
  readonly #options: FirewallDependencies;
  #parts: Parts | undefined;
  #watch: NativeNftWatch | undefined;

  constructor(options: FirewallDependencies) {
    this.#options = options;
  }

  /** The number of open doors, counting each client. */
  get size(): number {
    return this.#parts?.openings.times.size ?? 0;
  }

  /** No door closes before this time, in seconds of the monotonic clock. Infinity if none closes. */
  get deadline(): number {
    return this.#parts?.openings.times.earliest ?? Number.POSITIVE_INFINITY;
  }

  /** Do we own the table? Then the kernel lets nobody else change it. */
  get isOwned(): boolean {
    return this.#parts?.table.isOwned ?? false;
  }

  /**
   * Gives the kernel what this config needs, in one step. A client stays in if its door still opens the same port. Without a
   * built-in door there is no socket and no table. Throws FirewallError; then nothing has changed.
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
      if (this.#parts === undefined) parts.backstop.removeLoaded();
      const change = () => parts.table.apply(doors, options);
      // Most reloads change neither ports nor networks. A flush meanwhile must not find the backstop gone.
      open = parts.backstop.isFor(doors, options) ? change() : this.#change(parts, change);
    } catch (error) {
      if (this.#parts === undefined) parts.kernel.close();
      throw error;
    }
    this.#parts = parts;
    parts.expected.end(); // its batch is for the old doors
    parts.openings.setLayout(parts.table.layout, open);
    for (const door of doors) if (isBuiltIn(door)) parts.openings.prepare(door);
    this.#listen(parts);
    if (options.mode.kind === "set") this.#forget();
    else this.#keep(parts.table.layout);
  }

  /** Does the table of this config exist, or has an earlier daemon built it? */
  get hasTable(): boolean {
    return this.#parts !== undefined || this.#options.record.isThere;
  }

  /** Opens or closes the gate until the next `apply`. False if there is no gate. Throws FirewallError. */
  guard(isClosed: boolean): boolean {
    const parts = this.#parts;
    return parts !== undefined && this.#change(parts, () => parts.table.guard(isClosed));
  }

  /** Lets a client in. The kernel has done it when this returns. */
  open(door: BuiltInDoor, client: Address): OpeningResult {
    const parts = this.#parts;
    // The config was reloaded while the used code was being written to the disk.
    if (parts === undefined || !parts.table.layout.doors.has(door.name))
      return { failed: "no door of the config opens it any more" };
    return parts.openings.open(door, client, this.#restore);
  }

  /** The addon lets the client in at this knock, if it is the next packet. */
  expect(door: BuiltInDoor, knock: ExpectedKnock): void {
    const parts = this.#parts;
    if (!parts?.table.layout.doors.has(door.name)) return;
    const batch = parts.openings.batchFor(door, knock.source);
    if (batch !== undefined) parts.expected.expect(door, knock, batch);
  }

  /** Ends that. Closes what was opened if `open` has not been called for it. Throws FirewallError. */
  endExpectation(): void {
    const opened = this.#parts?.expected.end();
    if (opened !== undefined) this.#parts!.openings.close(opened.door.name, opened.client);
  }

  /** Returns false if the door was not open. Throws FirewallError. */
  close(door: string, client: Address): boolean {
    return this.#parts?.openings.close(door, client) ?? false;
  }

  /**
   * Returns the seconds that are left then. Infinity if the door stays open anyway; undefined if it was not open. Throws
   * FirewallError.
   */
  extend(door: string, client: Address, seconds: number): number | undefined {
    return this.#parts?.openings.extend(door, client, seconds);
  }

  /** Lists the open doors, by what the kernel has. */
  list(): Iterable<OpenClient> {
    return this.#parts?.openings.list() ?? [];
  }

  /** Returns the doors that have closed since the last call, with their clients. */
  expire(): readonly OpenTime[] {
    return this.#parts?.openings.expire() ?? [];
  }

  /** Closes all open doors, and returns them. The gate stays. Throws FirewallError. */
  closeAll(): readonly OpenTime[] {
    return this.#parts?.openings.closeAll() ?? [];
  }

  /** Closes the socket. Open doors and the gate stay as they are. */
  end(): void {
    this.#watch?.close();
    this.#watch = undefined;
    this.#parts?.kernel.close();
    this.#parts = undefined;
  }

  /** Changes what the gate lets in. */
  #change<T>(parts: Parts, change: () => T): T {
    parts.backstop.remove();
    try {
      return change();
    } finally {
      this.#buildBackstop(parts);
    }
  }

  #buildBackstop({ table, backstop }: Parts): void {
    if (!table.isOwned && table.isGate) backstop.build(table.layout);
  }

  #keep({ guarded: ports, options: { mode, allow, reply } }: Layout): void {
    if (mode.kind === "set") return;
    try {
      this.#options.record.save({ mode: mode.kind, ports, allow, reply });
    } catch (error) {
      this.#options.onTrouble("gate not recorded", systemErrorText(error));
    }
  }

  /** The config needs no table of ours. Removes one that an earlier daemon has left: it would close its ports forever. */
  #forget(): void {
    const { record, config, onTrouble } = this.#options;
    if (!record.isThere) return; // no daemon has built a table, so nf_tables is not needed
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
      const expected = new ExpectedOpening(kernel);
      const openings = new Openings(kernel, expected, this.#options.now);
      const [table, backstop] = [new GateTable(kernel, this.#options), new Backstop(kernel, this.#options.config)];
      return { kernel, expected, table, backstop, openings };
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
    const parts = this.#parts!;
    let reason: string | undefined;
    try {
      parts.table.restore(parts.openings.remaining());
      this.#buildBackstop(parts);
    } catch (error) {
      reason = (error as Error).message;
      parts.backstop.remove(); // it would shut out those who have knocked, too; the gate is known to fail open
    }
    this.#options.onRestored(this.size, reason);
    return reason === undefined;
  };
}
