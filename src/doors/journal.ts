// A file to which lines are appended, off the event loop: a disk that takes half a second for each fsync delays nobody.
// Two loops run side by side. One writes: then the kernel has the lines, and they survive the end of this process. The other
// syncs: then the disk has them, and they survive a power cut. When the file has grown long, a shorter one replaces it.

import { constants } from "node:fs";
import * as fs from "node:fs/promises";
import { NEW_FILE } from "../platform/replace-file.ts";
import { type Copy, isAt, openIn, syncDirectory } from "./journal-file.ts";
import type { LedgerLines } from "./ledger-lines.ts";

export interface JournalOptions {
  /** What is at the path: no file, or one to which lines may be appended. */
  readonly there: "nothing" | "current";
  /** All changes up to this number are on the disk. `isWritten`: there is a file; otherwise its removal is on the disk. */
  readonly onDisk: (upTo: number, isWritten: boolean) => Promise<void>;
  /** The lines could not be written. */
  readonly onTrouble: (error: unknown) => void;
}

/** A shorter file is made when the file is longer than twice its first length plus this many bytes. */
const MAX_GARBAGE = 1 << 20;

const MORE = constants.O_WRONLY | constants.O_APPEND | constants.O_NOFOLLOW;

export class Journal {
  readonly #path: string;
  readonly #lines: LedgerLines;
  readonly #options: JournalOptions;
  #file: fs.FileHandle | undefined;
  /** What is at the path while no file is open: `current` may be appended to, `stale` must be replaced. */
  #there: "nothing" | "current" | "stale";
  #copy: Copy | undefined;
  #bytes = 0;
  #bytesAtFirst = 0;
  #directoryChanged = false;
  /** The number of the last change that was made, that the kernel has, and that the disk has. */
  #made = 0;
  #written = 0;
  #synced = 0;
  readonly #waiting: { readonly upTo: number; readonly resolve: () => void }[] = [];
  #isWriting = false;
  #isWanted = false;
  #isSyncing = false;
  #error: unknown;

  constructor(path: string, lines: LedgerLines, options: JournalOptions) {
    this.#path = path;
    this.#lines = lines;
    this.#options = options;
    this.#there = options.there;
  }

  /** The number of the last change. */
  get made(): number {
    return this.#made;
  }

  /** Counts one more change of the content. */
  change(): void {
    this.#made++;
  }

  /** Resolves when all changes until now are on the disk, or cannot be written. Undefined if they are there already. */
  save(): Promise<void> | undefined {
    if (this.#synced === this.#made) return undefined;
    return new Promise((resolve) => {
      this.#waiting.push({ upTo: this.#made, resolve });
      void this.#write();
    });
  }

  /** The loop that writes. Only this loop opens, replaces and removes files. */
  async #write(): Promise<void> {
    this.#isWanted = true;
    if (this.#isWriting) return;
    this.#isWriting = true;
    while (this.#isWanted) {
      this.#isWanted = false;
      try {
        while (await this.#step()) void this.#sync();
      } catch (error) {
        await this.#giveUp(error);
      }
      void this.#sync();
    }
    this.#isWriting = false;
  }

  /** One step of writing. False if there is nothing to do until the next change or the next sync. */
  async #step(): Promise<boolean> {
    if (this.#error !== undefined) throw this.#error;
    if (!this.#lines.isEmpty) await this.#openAnew();
    // Checked again, because the last door may have closed while we waited. Then the file is removed, and gets no more lines.
    if (this.#lines.isEmpty) return this.#clear();
    const upTo = this.#made;
    const changes = this.#lines.changes();
    if (changes !== undefined) await this.#append(changes.text);
    if (changes?.areAll !== false) {
      if (this.#file !== undefined) this.#written = Math.max(this.#written, upTo);
      if (this.#copy !== undefined) this.#copy.upTo = upTo;
    }
    if (this.#copy !== undefined) return (await this.#copyOn(this.#copy)) || changes !== undefined;
    if (this.#bytes <= 2 * this.#bytesAtFirst + MAX_GARBAGE) return changes !== undefined;
    this.#copy = await this.#beginCopy();
    return true;
  }

  /** Writes one more piece of the copy. When it is complete and on the disk, it replaces the file. */
  async #copyOn(copy: Copy): Promise<boolean> {
    if (copy.isWhole) return copy.isSafe && !this.#isSyncing && this.#replace(copy);
    const { done, value } = copy.rest.next();
    if (done) copy.isWhole = true;
    else await this.#appendTo(copy, value);
    return true;
  }

  /** Opens the file, or begins the copy that replaces one that was removed meanwhile. */
  async #openAnew(): Promise<void> {
    if (this.#file !== undefined && this.#written < this.#made && !(await isAt(this.#path, this.#file)))
      await this.#close();
    if (this.#file === undefined && this.#copy === undefined) await this.#open();
  }

  async #open(): Promise<void> {
    if (this.#there === "stale") {
      this.#copy = await this.#beginCopy();
      return;
    }
    const isNew = this.#there === "nothing";
    this.#there = "stale"; // in case anything fails from here on
    this.#file = await openIn(this.#path, isNew ? NEW_FILE : MORE);
    this.#bytes = isNew ? 0 : (await this.#file.stat()).size;
    this.#bytesAtFirst = this.#bytes;
    this.#directoryChanged = isNew;
  }

  async #beginCopy(): Promise<Copy> {
    const path = this.#newPath;
    await fs.rm(path, { force: true });
    const file = await openIn(path, NEW_FILE);
    return { file, rest: this.#lines.pieces(), bytes: 0, isWhole: false, isSafe: false, upTo: 0 };
  }

  /** Appends to both: after a power cut, the file at the path has everything that was reported as saved, whichever it is. */
  async #append(text: string): Promise<void> {
    const whole = this.#bytes === 0 ? this.#lines.head + text : text;
    const appended = this.#file?.appendFile(whole);
    this.#bytes += whole.length;
    await Promise.all([appended, this.#copy && this.#appendTo(this.#copy, text)]);
  }

  async #appendTo(copy: Copy, text: string): Promise<void> {
    const whole = copy.bytes === 0 ? this.#lines.head + text : text;
    copy.bytes += whole.length;
    await copy.file.appendFile(whole);
  }

  async #replace(copy: Copy): Promise<boolean> {
    await fs.rename(this.#newPath, this.#path);
    const old = this.#file;
    this.#file = copy.file;
    this.#copy = undefined;
    this.#bytes = copy.bytes;
    this.#bytesAtFirst = copy.bytes;
    this.#written = Math.max(this.#written, copy.upTo);
    this.#directoryChanged = true;
    await old?.close();
    return true;
  }

  /** No door is open, so the file is removed. Its removal reaches the disk before the markers are removed (ledger.ts). */
  async #clear(): Promise<boolean> {
    if (this.#isSyncing) return false;
    const upTo = this.#made;
    while (this.#lines.changes() !== undefined); // these changes need no file
    await this.#close();
    if (this.#there !== "nothing") {
      await fs.rm(this.#path, { force: true });
      this.#directoryChanged = true;
    }
    this.#there = "nothing";
    this.#bytes = 0;
    this.#written = upTo;
    return !this.#lines.isEmpty;
  }

  /** The loop that syncs. */
  async #sync(): Promise<void> {
    if (this.#isSyncing || !this.#isSyncDue) return;
    this.#isSyncing = true;
    try {
      while (this.#isSyncDue) {
        const upTo = this.#written;
        const copy = this.#copy;
        const isWhole = copy?.isWhole ?? false;
        const directory = this.#directoryChanged ? syncDirectory(this.#path) : undefined;
        this.#directoryChanged = false;
        await Promise.all([this.#file?.datasync(), copy?.file.datasync(), directory]);
        if (copy !== undefined) copy.isSafe = isWhole;
        await this.#settle(upTo);
      }
    } catch (error) {
      this.#error = error;
    }
    this.#isSyncing = false;
    void this.#write();
  }

  get #isSyncDue(): boolean {
    if (this.#error !== undefined) return false;
    if (this.#copy?.isSafe) return false; // first the copy replaces the file, even if changes keep coming
    return this.#synced < this.#written || this.#directoryChanged || this.#copy?.isWhole === true;
  }

  async #settle(upTo: number): Promise<void> {
    if (upTo === this.#synced) return;
    this.#synced = upTo;
    await this.#options.onDisk(upTo, this.#file !== undefined);
    this.#letGo(upTo);
  }

  #letGo(upTo: number): void {
    const stay = this.#waiting.filter((one) => one.upTo > upTo);
    for (const { upTo: number, resolve } of this.#waiting.splice(0)) if (number <= upTo) resolve();
    this.#waiting.push(...stay);
  }

  /** Gives up until the next save, which writes everything anew. Nobody waits for a disk that does not work. */
  async #giveUp(error: unknown): Promise<void> {
    this.#error = undefined;
    this.#written = this.#synced;
    await this.#close().catch(() => {}); // the first error is the one to report
    await fs.rm(this.#newPath, { force: true }).catch(() => {});
    this.#options.onTrouble(error);
    this.#letGo(this.#made);
  }

  async #close(): Promise<void> {
    const files = [this.#file, this.#copy?.file];
    if (this.#file !== undefined || this.#copy !== undefined) this.#there = "stale";
    this.#file = undefined;
    this.#copy = undefined;
    for (const file of files) await file?.close();
  }

  get #newPath(): string {
    return `${this.#path}.new`;
  }
}
