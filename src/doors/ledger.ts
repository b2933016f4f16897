// The open doors, on the disk: what must still be closed if this process is killed or the power fails.
// The file gets a line of JSON for each door that opens, changes its time, or closes (journal.ts). An opening waits for the
// disk, but not so long that a client would notice. On a slow disk, the kernel has the line before the start command runs, so
// SIGKILL leaves no door open. The disk has it soon after. A power cut in between removes the firewall's rules, too.

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

/** Twice the size of 65,536 open doors (open-doors.ts) with stop commands of 4 kB. A larger file is not a ledger of ours. */
const LARGEST_BYTES = 1 << 30;
/** An opening waits at most this long for the disk. */
export const LONGEST_WAIT_MS = 150;
/** Changes for which no opening waits are collected for this long, and written together. */
const TOGETHER_MS = 1000;

export class Ledger {
  readonly path: string;
  readonly #trouble: (why: string) => void;
  readonly #lines = new LedgerLines();
  /**
   * The closed entries, with the number of the change. A marker is removed only after the disk has that change: otherwise the
   * stop command would run again after a crash.
   */
  readonly #closed = new Map<number, number>();
  #lastId = 0;
  #journal: Journal;
  #later: { cancel(): void } | undefined;
  #troubled = false;

  /** Calls `trouble` with the reason if the file cannot be written, once until it works again. */
  constructor(path: string, trouble: (why: string) => void) {
    this.path = path;
    this.#trouble = trouble;
    this.#journal = this.#open("nothing");
  }

  /**
   * Returns what an earlier daemon left open; from now on these are entries of this ledger. Renames a file that is no ledger,
   * or that another user could have written, to PATH.bad, and reports it. Use it at the start only: it waits for the disk.
   */
  load(): readonly LedgerEntry[] {
    const entries = this.#read();
    if (entries !== undefined || this.#closed.size > 0) this.#writeWhole();
    return entries ?? [];
  }

  /** Moves the entries of another ledger into this one, and returns them. At the start only. */
  merge(path: string): readonly LedgerEntry[] {
    const other = new Ledger(path, this.#trouble);
    const adopted = (other.#read() ?? []).filter(({ id }) => !other.isMarked(id));
    const mine = adopted.map((entry) => ({ ...entry, id: ++this.#lastId }));
    for (const entry of mine) this.#lines.set(entry);
    if (mine.length > 0 && !this.#writeWhole()) return mine; // written here before they are removed there
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

  /** Removes an entry whose door is closed, and later its marker. `save` brings this to the disk. */
  remove(id: number): void {
    this.#lines.delete(id);
    this.#journal.change();
    this.#closed.set(id, this.#journal.made);
  }

  /**
   * Brings the ledger onto the disk, or reports why that fails. Resolves when that is done, after at most LONGEST_WAIT_MS.
   * Undefined if the disk has it already.
   */
  save(): Promise<void> | undefined {
    const saved = this.#journal.save();
    return saved && atMost(LONGEST_WAIT_MS, saved);
  }

  /** As `save`, but without a time limit: for the end of the daemon. */
  async flush(): Promise<void> {
    this.#later?.cancel();
    this.#later = undefined;
    await this.#journal.save();
  }

  /**
   * A file that the process of a stop command creates before anything else. After a crash it shows that the command was
   * started, so that it does not run twice.
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

  /** Undefined if there is no ledger. */
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

  /** Writes the whole file, at the start, before anyone knocks. Returns false if that fails, and reports why. */
  #writeWhole(): boolean {
    try {
      if (!this.#lines.isEmpty) {
        replaceFile(this.path, this.#lines.whole(), { mode: 0o600 });
      } else if (isThere(this.path)) {
        fs.rmSync(this.path);
        syncDirectory(this.path); // before the markers go: after a power cut, the ledger must not be back without them
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

  /** Finds markers without an entry: a crash came after the entry was removed and before its marker was. */
  #sweepMarkers(): void {
    const name = basename(this.path);
    let files: string[] = [];
    try {
      files = fs.readdirSync(dirname(this.path));
    } catch {} // the directory does not exist or cannot be read, so there is no marker
    for (const file of files) {
      if (!file.startsWith(`${name}.`) || !file.endsWith(".closing")) continue;
      const id = Number(file.slice(name.length + 1, -".closing".length));
      if (!this.#lines.has(id)) this.#closed.set(id, 0);
    }
  }
}

/** Not existsSync: it checks the rights of our user, and ignores our capabilities. */
function isThere(path: string): boolean {
  return fs.lstatSync(path, { throwIfNoEntry: false }) !== undefined;
}
