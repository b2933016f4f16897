// The file that records which codes have been used. It is replaced atomically and flushed to disk before a door opens.

import * as fs from "node:fs";
import { type FileHandle, open } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { readRegularFile } from "../platform/read-file.ts";
import { NEW_FILE } from "../platform/replace-file.ts";
import { makePrivateDirectory } from "../platform/state-directory.ts";
import { systemErrorText } from "../platform/system-error.ts";
import { requireTrusted } from "../platform/trusted-file.ts";
import { ClientStates } from "./client-states.ts";

export interface ClientRecordsOptions {
  /** Milliseconds, monotonic. */
  readonly now: () => number;
  /** Milliseconds since 1970. */
  readonly wallClock: () => number;
  /** What is wrong with the file, each time another reason. */
  readonly onTrouble: (reason: string) => void;
}

export class ClientRecords {
  readonly path: string;
  readonly states: ClientStates;
  readonly #options: ClientRecordsOptions;
  #trouble: string | undefined;
  #isOnDisk = true;
  /** The write in progress. */
  #writing: Promise<boolean> | undefined;
  /** The write after it, with the changes made in the meantime. */
  #next: Promise<boolean> | undefined;

  /** Reads the file. If it is missing or damaged, reports that, and refuses every code that may have been used. */
  constructor(path: string, options: ClientRecordsOptions) {
    this.path = path;
    this.#options = options;
    const now = options.now();
    let states: ClientStates;
    try {
      const check = (file: number) => requireTrusted(file, fs.realpathSync(path));
      const text = readRegularFile(path, fs.constants.O_RDONLY, { check }).toString("utf8");
      states = ClientStates.parse(text, options.wallClock(), now);
    } catch (error) {
      this.#report(`${path}: ${systemErrorText(error)}: codes of this minute are refused, and all codes of lists`);
      states = new ClientStates(now);
    }
    this.states = states;
  }

  /**
   * Resolves when everything used so far is on the disk (true) or could not be written (false). Runs off the event
   * loop, so that a slow disk does not delay other knocks.
   */
  save(): Promise<boolean> {
    if (this.#writing === undefined) return this.#begin();
    this.#next ??= this.#writing.then(() => {
      this.#next = undefined;
      return this.#begin();
    });
    return this.#next;
  }

  /** Like `save`, but writes nothing if everything used is already on the disk. */
  settled(): Promise<boolean> {
    if (this.states.isChanged) return this.save();
    return this.#next ?? this.#writing ?? Promise.resolve(this.#isOnDisk);
  }

  #begin(): Promise<boolean> {
    const { wallClock, now } = this.#options;
    const text = this.states.format(wallClock(), now());
    this.states.isChanged = false;
    this.states.isCounted = false;
    const writing = replace(this.path, text).then(
      () => {
        this.#trouble = undefined;
        this.#isOnDisk = true;
        return true;
      },
      (error) => {
        this.states.isChanged = true;
        this.#isOnDisk = false;
        this.#report(`${this.path}: ${systemErrorText(error)}: used codes count again after a restart`);
        return false;
      },
    );
    this.#writing = writing.finally(() => {
      this.#writing = undefined;
    });
    return this.#writing;
  }

  #report(reason: string): void {
    if (reason === this.#trouble) return;
    this.#trouble = reason;
    this.#options.onTrouble(reason);
  }
}

/** Like replace-file.ts, but without blocking on the disk. */
async function replace(path: string, text: string): Promise<void> {
  const directory = dirname(path);
  makePrivateDirectory(directory);
  const there = fs.lstatSync(path, { throwIfNoEntry: false });
  if (there !== undefined && !there.isFile()) throw new Error("not a regular file");
  const temporary = join(directory, `.${basename(path)}.${process.pid}`);
  fs.rmSync(temporary, { force: true });
  try {
    await onDisk(await open(temporary, NEW_FILE, 0o600), (file) => file.writeFile(text));
    fs.renameSync(temporary, path);
  } catch (error) {
    fs.rmSync(temporary, { force: true });
    throw error;
  }
  await onDisk(await open(directory, fs.constants.O_RDONLY | fs.constants.O_DIRECTORY));
}

async function onDisk(file: FileHandle, write: (file: FileHandle) => Promise<void> = async () => {}): Promise<void> {
  try {
    await write(file);
    await file.sync();
  } finally {
    await file.close();
  }
}
