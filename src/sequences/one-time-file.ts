// Files of one-time sequences: one sequence per line, used from the top. A # at its beginning marks a used one.

import * as fs from "node:fs";
import { open } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { readRegularFile } from "../platform/read-file.ts";
import { replaceFile } from "../platform/replace-file.ts";
import { systemErrorText } from "../platform/system-error.ts";
import { requirePlaced } from "../platform/trusted-file.ts";
import { formatSequence, parseSequence, type Sequence } from "./sequence.ts";

interface Place {
  readonly sequence: Sequence;
  /** Bytes before its line. */
  readonly offset: number;
  /** The line begins with a blank, whose place the # can take. */
  readonly blank: boolean;
}

/**
 * Returns the next unused sequence of the file, or undefined if none is left. Calls `warn` for a line that is no sequence and
 * skips it. Throws an Error with the system's reason if the file cannot be read.
 */
export function nextOneTime(path: string, warn: (why: string) => void): Sequence | undefined {
  return unused(read(path), path, warn).next().value?.sequence;
}

/** Returns all unused sequences and does not need to write the file. Warns and throws as `nextOneTime` does. */
export function unusedSequences(path: string, warn: (why: string) => void): Sequence[] {
  return [...unused(read(path, fs.constants.O_RDONLY), path, warn)].map(({ sequence }) => sequence);
}

/**
 * Marks `used` as used. When this returns, the kernel has the change; `bringToDisk` makes it survive a power cut.
 * If the line begins with a blank, the # replaces it, as in 0.8. Otherwise 0.8 overwrites the first digit; this function
 * inserts the # and replaces the file atomically. Throws an Error on failure.
 */
export function strikeOut(path: string, used: Sequence): void {
  const text = formatSequence(used);
  try {
    const real = fs.realpathSync(path);
    // Open the directory once: a user who owns a directory above it could replace it by a link between two steps.
    const directory = fs.openSync(dirname(real), fs.constants.O_RDONLY | fs.constants.O_DIRECTORY);
    try {
      if (strikeOutAt(join(`/proc/self/fd/${directory}`, basename(real)), text)) return;
    } finally {
      fs.closeSync(directory);
    }
  } catch (error) {
    throw new Error(`${path}: ${systemErrorText(error)}`);
  }
  throw goneMeanwhile(path);
}

/** Returns false if the file does not contain the sequence. */
function strikeOutAt(path: string, text: string): boolean {
  const file = fs.openSync(path, fs.constants.O_RDWR | CAREFUL);
  try {
    requirePlaced(file, path);
    const bytes = fs.readFileSync(file);
    for (const { sequence, offset, blank } of places(bytes, () => {})) {
      if (formatSequence(sequence) !== text) continue;
      if (blank) {
        fs.writeSync(file, "#", offset);
      } else {
        const { mode, uid, gid } = fs.fstatSync(file);
        const struck = Buffer.concat([bytes.subarray(0, offset), Buffer.from("#"), bytes.subarray(offset)]);
        replaceFile(path, struck, { mode, owner: { uid, gid }, sync: false });
      }
      return true;
    }
    return false;
  } finally {
    fs.closeSync(file);
  }
}

/** Runs off the event loop, because a slow disk must not delay other knocks. Rejects with the system's reason. */
export async function bringToDisk(path: string): Promise<void> {
  for (const one of [path, dirname(path)]) {
    const file = await open(one, fs.constants.O_RDONLY | fs.constants.O_NONBLOCK);
    await file.sync().finally(() => file.close());
  }
}

/** Another door used the sequence, or a person edited the file. */
export function goneMeanwhile(path: string): Error {
  return new Error(`${path}: the sequence that was just used is no longer in the file`);
}

/** The files, or their substitute in a replay. */
export interface OneTimeFiles {
  nextOneTime(path: string, warn: (why: string) => void): Sequence | undefined;
  strikeOut(path: string, used: Sequence): void;
  /** Makes what was struck out last through a power cut. Undefined in a replay, which strikes out nothing. */
  bringToDisk?(path: string): Promise<void>;
}

/** The files themselves. */
export const oneTimeFiles: OneTimeFiles = { nextOneTime, strikeOut, bringToDisk };

const CAREFUL = fs.constants.O_NOFOLLOW | fs.constants.O_NONBLOCK | fs.constants.O_NOCTTY;

/**
 * Opens the file for reading and writing, as 0.8 does. So a read-only file is reported at the start, not at the first knock.
 */
function read(path: string, access: number = fs.constants.O_RDWR): Buffer {
  try {
    return readRegularFile(path, access, { check: (file) => requirePlaced(file, fs.realpathSync(path)) });
  } catch (error) {
    throw new Error(`${path}: ${systemErrorText(error)}`);
  }
}

function unused(bytes: Buffer, path: string, warn: (why: string) => void): Generator<Place, undefined> {
  return places(bytes, (line, text, why) => warn(`${why} (${path}: line ${line}: ${text})`));
}

function* places(bytes: Buffer, wrong: (line: number, text: string, why: string) => void): Generator<Place, undefined> {
  let offset = 0;
  let number = 0;
  // latin1: a character is a byte, so that lengths are offsets
  for (const line of bytes.toString("latin1").split("\n")) {
    number++;
    const text = line.trim();
    if (text !== "" && !text.startsWith("#")) {
      let sequence: Sequence | undefined;
      try {
        sequence = parseSequence(text);
      } catch (error) {
        wrong(number, text, (error as Error).message);
      }
      if (sequence !== undefined) yield { sequence, offset, blank: /^[ \t]/.test(line) };
    }
    offset += line.length + 1;
  }
}

/** 0.8's message when the last one-time sequence has been used, and when the file has none at the start. */
export function noSequencesLeft(name: string): string {
  return `no more sequences left in the one time sequences file for door ${name} --> disabling the door`;
}
