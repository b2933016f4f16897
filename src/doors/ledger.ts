// The open doors, on the disk: what must still be closed when this process is killed, or the power fails.
// A line of JSON for each door that opens, is moved to another time, or closes (journal.ts). An opening waits for the disk,
// but not longer than a knocker would notice: with a slow one the kernel has the line when the start command runs, so that
// SIGKILL leaves no door open, and the disk soon after. A power cut in between takes the firewall's rules away as well.

import * as fs from "node:fs";
import { rm } from "node:fs/promises";
import { basename, dirname } from "node:path";
import { readRegularFile } from "../platform/read-file.ts";
import { replaceFile, syncDirectory } from "../platform/replace-file.ts";
import { systemErrorText } from "../platform/system-error.ts";
import { after, atMost } from "../platform/timer.ts";
import { isOurs, requireTrusted } from "../platform/trusted-file.ts";
import { Journal } from "./journal.ts";
import { dueIn, type LedgerEntry, parseLedger } from "./ledger-entry.ts";
import { LedgerLines } from "./ledger-lines.ts";

/** Twice the size for 65,536 open doors (doorkeeper.ts) with stop commands of 4 kB. A larger file is not a ledger of ours. */
const LARGEST_BYTES = 1 << 30;
/** What an opening waits for the disk at most. */
export const LONGEST_WAIT_MS = 150;
/** Changes for which no opening waits are collected for this long, and written together. */
const TOGETHER_MS = 1000;

export class Ledger {
  readonly path: string;
  readonly #trouble: (why: string) => void;
  readonly #lines = new LedgerLines();
  /** Closed, each by which change: its marker goes when the disk has that, as one that goes first has it closed again. */
  readonly #closed = new Map<number, number>();
  #lastId = 0;
  #journal: Journal;
  #later: { cancel(): void } | undefined;
  #troubled = false;

  /** `trouble` is told, once until it works again, why it can't be written. */
  constructor(path: string, trouble: (why: string) => void) {
    this.path = path;
    this.#trouble = trouble;
    this.#journal = this.#open("nothing");
  }

  /**
   * What an earlier life left open; from now on they are entries of this one. A file that is no ledger, or that another
   * user could have written, is set aside as PATH.bad, and told. At the start only: it waits for the disk.
   */
  load(): readonly LedgerEntry[] {
    const entries = this.#read();
    if (entries !== undefined || this.#closed.size > 0) this.#writeWhole();
    return entries ?? [];
  }

  /** Takes the entries of another ledger over, for good. Returns them as they are here. At the start only. */
  merge(path: string): readonly LedgerEntry[] {
    const other = new Ledger(path, this.#trouble);
    const adopted = (other.#read() ?? []).filter(({ id }) => !other.isMarked(id));
    const mine = adopted.map((entry) => ({ ...entry, id: ++this.#lastId }));
    for (const entry of mine) this.#lines.set(entry);
    if (mine.length > 0 && !this.#writeWhole()) return mine; // here before it is gone there
    for (const id of other.#lines.ids()) other.remove(id);
    other.#writeWhole();
    return mine;
  }

  add(entry: Omit<LedgerEntry, "id" | "due">, seconds: number): LedgerEntry {
    const added = { ...entry, id: ++this.#lastId, due: dueIn(seconds) };
    this.#lines.set(added);
    this.#journal.change();
    return added;
  }

  /** Sets the time of closing to `seconds` from now. */
  move(ids: readonly number[], seconds: number): void {
    const due = dueIn(seconds);
    for (const id of ids) {
      const entry = this.#lines.get(id);
      if (entry !== undefined) this.#lines.set({ ...entry, due });
    }
    this.#journal.change();
    this.#later ??= after(TOGETHER_MS / 1000, () => {
      this.#later = undefined;
      void this.#journal.save();
    });
  }

  /** It is closed, and its marker goes with it; `save` makes that last. */
  remove(id: number): void {
    this.#lines.delete(id);
    this.#journal.change();
    this.#closed.set(id, this.#journal.made);
  }

  /**
   * Brings what it holds now onto the disk, or tells why that can't be. Resolves when that is done, after
   * LONGEST_WAIT_MS at the latest; undefined when the disk has it already.
   */
  save(): Promise<void> | undefined {
    const saved = this.#journal.save();
    return saved && atMost(LONGEST_WAIT_MS, saved);
  }

  /** The same, however long it takes: when we leave. */
  async flush(): Promise<void> {
    this.#later?.cancel();
    this.#later = undefined;
    await this.#journal.save();
  }

  /**
   * A file that a stop command's process makes as its first deed: after a crash it tells that the command has been
   * started, so that it is not run twice.
   */
  marker(id: number): string {
    return `${this.path}.${id}.closing`;
  }

  isMarked(id: number): boolean {
    const stat = fs.lstatSync(this.marker(id), { throwIfNoEntry: false });
    return stat?.isFile() === true && isOurs(stat.uid);
  }

  #open(there: "nothing" | "current"): Journal {
    const onDisk = (upTo: number, isWritten: boolean) => this.#onDisk(upTo, isWritten);
    return new Journal(this.path, this.#lines, { there, onDisk, onTrouble: (error) => this.#onTrouble(error) });
  }

  async #onDisk(upTo: number, isWritten: boolean): Promise<void> {
    if (isWritten) this.#troubled = false;
    const closed = [...this.#closed].filter(([, change]) => change <= upTo).map(([id]) => id);
    await Promise.all(closed.map((id) => rm(this.marker(id), { force: true })));
    for (const id of closed) this.#closed.delete(id);
  }

  #onTrouble(error: unknown): void {
    if (!this.#troubled)
      this.#trouble(
        `cannot write ${this.path}: ${systemErrorText(error)}: doors still work, but a crash would leave them open`,
      );
    this.#troubled = true;
  }

  /** Undefined when there is no ledger. */
  #read(): LedgerEntry[] | undefined {
    let entries: LedgerEntry[] | undefined;
    try {
      const check = (file: number) => requireTrusted(file, this.path);
      const bytes = readRegularFile(this.path, fs.constants.O_RDONLY, { most: LARGEST_BYTES, check });
      entries = parseLedger(bytes);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "ENOENT") this.#setAside(error as Error);
    }
    for (const entry of entries ?? []) {
      this.#lines.set(entry);
      this.#lastId = Math.max(this.#lastId, entry.id);
    }
    this.#sweepMarkers();
    return entries;
  }

  /** At the start, before anyone knocks. False when it could not be done, which is told. */
  #writeWhole(): boolean {
    try {
      if (!this.#lines.isEmpty) {
        replaceFile(this.path, this.#lines.whole(), { mode: 0o600 });
      } else if (isThere(this.path)) {
        fs.rmSync(this.path);
        syncDirectory(this.path); // before the markers go: a power cut must not bring it back without them
      }
      for (const id of this.#closed.keys()) fs.rmSync(this.marker(id), { force: true });
      this.#closed.clear();
      this.#journal = this.#open(this.#lines.isEmpty ? "nothing" : "current");
      return true;
    } catch (error) {
      this.#onTrouble(error);
      return false;
    }
  }

  #setAside(error: Error): void {
    const aside = `${this.path}.bad`;
    const why = `${this.path} is not a ledger of open doors (${systemErrorText(error)})`;
    try {
      fs.renameSync(this.path, aside);
      this.#trouble(`${why}: renamed to ${aside}; doors that were open stay open`);
    } catch (failure) {
      this.#trouble(`${why}, and cannot be renamed: ${systemErrorText(failure)}`);
    }
  }

  /** Markers of entries that are closed for good: a crash came between the two. */
  #sweepMarkers(): void {
    const name = basename(this.path);
    let files: string[] = [];
    try {
      files = fs.readdirSync(dirname(this.path));
    } catch {} // there is no directory, or none that can be read: no marker either
    for (const file of files) {
      if (!file.startsWith(`${name}.`) || !file.endsWith(".closing")) continue;
      const id = Number(file.slice(name.length + 1, -".closing".length));
      if (!this.#lines.has(id)) this.#closed.set(id, 0);
    }
  }
}

/** Not by existsSync, which asks what our user may, not what our capabilities do. */
function isThere(path: string): boolean {
  return fs.lstatSync(path, { throwIfNoEntry: false }) !== undefined;
}
