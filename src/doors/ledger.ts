// The open doors, on the disk: what must still be closed when this process is killed, or the power fails.
// One JSON file, written whole beside its place and renamed: it is the old one or the new one, never half of one.

import { createHash } from "node:crypto";
import * as fs from "node:fs";
import { basename, dirname } from "node:path";
import { readRegularFile } from "../regular-file.ts";
import { systemWords } from "../system-words.ts";
import { dueIn, type LedgerEntry, ledgerText, parseLedger } from "./ledger-entry.ts";

/** Where ledgers are kept, unless StateFile says another place: firewall rules do not outlive a boot either. */
export const STATE_DIRECTORY = "/run/knockd";
/** A larger one is not ours: of 65,536 open doors (doorkeeper.ts) with stop commands of four kilobytes. */
const LARGEST_BYTES = 256 << 20;
/** A save that took so long is followed by nine times that of quiet: a flood of openings costs a tenth of the CPU. */
const QUIET_FACTOR = 9;
const LONGEST_NAME = 200;

/** Unless it is there. Not its parents: Node's recursive mkdir never returns where the system makes directories itself. */
export function makePrivateDirectory(path: string): void {
  try {
    fs.mkdirSync(path, { mode: 0o700 });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
  }
}

/** A path, or interfaces, in a file's name, as systemd-escape(1) has it: `/etc/a-b` is not `/etc/a/b`. */
export function nameOf(text: string): string {
  return text
    .replace(/^\//, "")
    .replace(/[-@\\]/g, (letter) => `\\x${letter.charCodeAt(0).toString(16)}`)
    .replaceAll("/", "-");
}

/** Of each config, and each choice of interfaces for it, its own. */
export function ledgerPath(config: string, interfaces: string): string {
  const name = `${nameOf(config)}@${nameOf(interfaces)}`;
  if (Buffer.byteLength(name) <= LONGEST_NAME) return `${STATE_DIRECTORY}/${name}.ledger`;
  return `${STATE_DIRECTORY}/${createHash("sha256").update(name).digest("hex")}.ledger`;
}

export class Ledger {
  readonly path: string;
  readonly #trouble: (why: string) => void;
  readonly #entries = new Map<number, LedgerEntry>();
  /** Closed, and to be unmarked when the disk says so too: a marker that goes first would have them closed again. */
  readonly #closed = new Set<number>();
  #lastId = 0;
  #saving: Promise<void> | undefined;
  #quietUntil = 0;
  #troubled = false;
  /** Nothing has been written, and there is nothing to write. */
  #untouched = true;

  /** `trouble` is told, once until it works again, why it can't be written. */
  constructor(path: string, trouble: (why: string) => void) {
    this.path = path;
    this.#trouble = trouble;
  }

  /**
   * What an earlier life left open; from now on they are entries of this one. A file that is no ledger is set aside as
   * PATH.bad, and told.
   */
  takeOver(): readonly LedgerEntry[] {
    let entries: LedgerEntry[] = [];
    try {
      entries = parseLedger(readRegularFile(this.path, fs.constants.O_RDONLY, LARGEST_BYTES).toString());
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "ENOENT") this.#setAside(error as Error);
    }
    for (const entry of entries) {
      this.#entries.set(entry.id, entry);
      this.#lastId = Math.max(this.#lastId, entry.id);
      this.#untouched = false;
    }
    this.#sweepMarkers();
    if (this.#closed.size > 0) this.flush();
    return entries;
  }

  /** Takes the entries of another ledger over, for good. Returns them as they are here. */
  adopt(path: string): readonly LedgerEntry[] {
    const other = new Ledger(path, this.#trouble);
    const adopted = other.takeOver().filter(({ id }) => !other.isMarked(id));
    const mine = adopted.map((entry) => ({ ...entry, id: ++this.#lastId }));
    for (const entry of mine) this.#entries.set(entry.id, entry);
    this.flush(); // here before it is gone there
    for (const id of [...other.#entries.keys()]) other.remove(id);
    other.flush();
    return mine;
  }

  add(entry: Omit<LedgerEntry, "id" | "due">, seconds: number): LedgerEntry {
    const added = { ...entry, id: ++this.#lastId, due: dueIn(seconds) };
    this.#entries.set(added.id, added);
    return added;
  }

  /** It is to be closed so many seconds from now. */
  move(id: number, seconds: number): void {
    const entry = this.#entries.get(id);
    if (entry !== undefined) this.#entries.set(id, { ...entry, due: dueIn(seconds) });
  }

  /** It is closed, and its marker goes with it; `save` makes that last. */
  remove(id: number): void {
    this.#entries.delete(id);
    this.#closed.add(id);
  }

  /**
   * Brings what it holds now onto the disk, or tells why that can't be: at once, and undefined; in a flood together
   * with others, when the promise resolves.
   */
  save(): Promise<void> | undefined {
    if (this.#saving !== undefined) return this.#saving;
    const wait = this.#quietUntil - performance.now();
    if (wait <= 0) {
      this.flush();
      return undefined;
    }
    this.#saving = new Promise((resolve) =>
      setTimeout(() => {
        this.#saving = undefined;
        this.flush();
        resolve();
      }, wait),
    );
    return this.#saving;
  }

  /** Writes it now. */
  flush(): void {
    if (this.#untouched && this.#entries.size === 0 && this.#closed.size === 0) return;
    this.#untouched = false;
    const begun = performance.now();
    try {
      if (this.#entries.size === 0) {
        this.#remove(); // which works on a full disk too
      } else {
        this.#write(ledgerText([...this.#entries.values()]));
        this.#troubled = false;
      }
      for (const id of this.#closed) fs.rmSync(this.marker(id), { force: true });
      this.#closed.clear();
    } catch (error) {
      if (!this.#troubled)
        this.#trouble(`cannot write ${this.path}: ${systemWords(error)}: doors still open and close`);
      this.#troubled = true;
    }
    const ended = performance.now();
    this.#quietUntil = ended + QUIET_FACTOR * (ended - begun);
  }

  /**
   * A file that a stop command's process makes as its first deed: after a crash it tells that the command has been
   * started, so that it is not run twice.
   */
  marker(id: number): string {
    return `${this.path}.${id}.closing`;
  }

  isMarked(id: number): boolean {
    return isThere(this.marker(id));
  }

  #write(text: string): void {
    const temporary = `${this.path}.new`;
    makePrivateDirectory(dirname(this.path));
    try {
      const file = fs.openSync(temporary, "w", 0o600); // its commands are nobody else's business
      try {
        fs.writeFileSync(file, text);
        fs.fsyncSync(file);
      } finally {
        fs.closeSync(file);
      }
      fs.renameSync(temporary, this.path);
    } catch (error) {
      fs.rmSync(temporary, { force: true });
      throw error;
    }
    this.#syncDirectory();
  }

  #remove(): void {
    if (!isThere(this.path)) return;
    fs.rmSync(this.path);
    this.#syncDirectory(); // before the markers go: a power cut must not bring it back without them
  }

  /** What was renamed or removed there is so on the disk too. */
  #syncDirectory(): void {
    const directory = fs.openSync(dirname(this.path), "r");
    try {
      fs.fsyncSync(directory);
    } finally {
      fs.closeSync(directory);
    }
  }

  #setAside(error: Error): void {
    const aside = `${this.path}.bad`;
    const why = `${this.path} is no ledger of open doors (${systemWords(error)})`;
    try {
      fs.renameSync(this.path, aside);
      this.#trouble(`${why}: set aside as ${aside}; what was open stays open`);
    } catch (failure) {
      this.#trouble(`${why}, and can't be set aside: ${systemWords(failure)}`);
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
      if (!this.#entries.has(id)) this.#closed.add(id);
    }
  }
}

/** Not by existsSync, which asks what our user may, not what our capabilities do. */
function isThere(path: string): boolean {
  return fs.lstatSync(path, { throwIfNoEntry: false }) !== undefined;
}
