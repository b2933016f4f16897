// The open doors, on the disk: what must still be closed when this process is killed, or the power fails.
// One JSON file, written whole beside its place and renamed: it is the old one or the new one, never half of one.

import { createHash } from "node:crypto";
import * as fs from "node:fs";
import { basename, dirname } from "node:path";
import { systemWords } from "../system-words.ts";

/** A start command that has run, or is about to, and what undoes it. */
export interface LedgerEntry {
  readonly id: number;
  /** The door's name: it may be in no config any more. */
  readonly door: string;
  readonly ip: string;
  /** To the letter, the address filled in. */
  readonly stopCommand: string;
  /** Seconds after which the stop command is ended if it still runs; 0: never. */
  readonly commandTimeout: number;
  /** When it is to run: milliseconds of the wall clock, and of this boot's. */
  readonly due: { readonly wall: number; readonly boot: number; readonly bootId: string };
}

/** Where ledgers are kept, unless StateFile says another place: firewall rules do not outlive a boot either. */
export const STATE_DIRECTORY = "/run/knockd";
const VERSION = 1;
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

/** Of each config, and each choice of interfaces for it, its own. */
export function ledgerPath(config: string, interfaces: string): string {
  const name = `${config.replace(/^\//, "").replaceAll("/", "-")}@${interfaces.replaceAll("/", "-")}`;
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
      entries = parseLedger(readBounded(this.path));
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
      if (this.#entries.size === 0) fs.rmSync(this.path, { force: true });
      else this.#write(JSON.stringify({ version: VERSION, open: [...this.#entries.values()] }));
      for (const id of this.#closed) fs.rmSync(this.marker(id), { force: true });
      this.#closed.clear();
      this.#troubled = false;
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
    return fs.existsSync(this.marker(id));
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
    const directory = fs.openSync(dirname(this.path), "r");
    try {
      fs.fsyncSync(directory); // the rename itself
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

/** Seconds until it is due, not below 0. In the boot of its writing the wall clock does not matter: a Pi's jumps by years. */
export function secondsLeft({ due }: LedgerEntry): number {
  const here = bootClock();
  const left = due.bootId === here.bootId ? due.boot - here.boot : due.wall - Date.now();
  return Math.max(0, left / 1000);
}

/** Throws an Error that says what is wrong with it. */
export function parseLedger(text: string): LedgerEntry[] {
  const parsed: unknown = JSON.parse(text);
  const { version, open } = (typeof parsed === "object" && parsed !== null ? parsed : {}) as Record<string, unknown>;
  if (version !== VERSION) throw new Error(`version ${JSON.stringify(version)}, not ${VERSION}`);
  if (!Array.isArray(open)) throw new Error("it has no list of open doors");
  return open.map((one, i) => {
    if (!isEntry(one)) throw new Error(`its entry ${i + 1} is not an open door`);
    return one;
  });
}

function isEntry(one: unknown): one is LedgerEntry {
  if (typeof one !== "object" || one === null) return false;
  const { id, door, ip, stopCommand, commandTimeout, due } = one as Record<string, unknown>;
  if (typeof due !== "object" || due === null) return false;
  const { wall, boot, bootId } = due as Record<string, unknown>;
  const texts = [door, ip, stopCommand, bootId].every((text) => typeof text === "string");
  const numbers = [commandTimeout, wall, boot].every((number) => typeof number === "number" && Number.isFinite(number));
  return texts && numbers && Number.isSafeInteger(id) && (id as number) > 0;
}

function readBounded(path: string): string {
  const file = fs.openSync(path, fs.constants.O_RDONLY | fs.constants.O_NONBLOCK); // a fifo must not hold us
  try {
    const { size } = fs.fstatSync(file);
    if (!fs.fstatSync(file).isFile()) throw new Error("not a file");
    if (size > LARGEST_BYTES) throw new Error(`${size} bytes`);
    return fs.readFileSync(file, "utf8");
  } finally {
    fs.closeSync(file);
  }
}

function dueIn(seconds: number): LedgerEntry["due"] {
  const { boot, bootId } = bootClock();
  return { wall: Math.round(Date.now() + seconds * 1000), boot: Math.round(boot + seconds * 1000), bootId };
}

/** Milliseconds since the boot, time asleep included, and which boot. */
function bootClock(): { boot: number; bootId: string } {
  boot ??= fs.readFileSync("/proc/sys/kernel/random/boot_id", "latin1").trim();
  return { boot: Number.parseFloat(fs.readFileSync("/proc/uptime", "latin1")) * 1000, bootId: boot };
}
let boot: string | undefined;
