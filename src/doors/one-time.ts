// Files of one-time sequences: a sequence a line, used from the top, struck out by a # at its beginning.

import * as fs from "node:fs";
import { dirname } from "node:path";
import type { Door } from "../config/door.ts";
import { formatSequence, parseSequence, type Sequence } from "../config/sequence.ts";
import { noSequencesLeft, notStruckOut } from "../log/lines.ts";
import type { Log } from "../log/log.ts";
import { readRegularFile } from "../regular-file.ts";
import { systemWords } from "../system-words.ts";

interface Place {
  readonly sequence: Sequence;
  /** Bytes before its line. */
  readonly offset: number;
  /** The line begins with a blank, whose place the # can take. */
  readonly blank: boolean;
}

/**
 * The next unused sequence of the file; undefined when none is left. A line that is no sequence is told and passed over.
 * Throws an Error in the system's words when the file can't be read.
 */
export function nextOneTime(path: string, warn: (why: string) => void): Sequence | undefined {
  return unused(read(path), path, warn).next().value?.sequence;
}

/** All unused sequences of the file, to be read only. Tells and throws as `nextOneTime`. */
export function unusedSequences(path: string, warn: (why: string) => void): Sequence[] {
  return [...unused(read(path, fs.constants.O_RDONLY), path, warn)].map(({ sequence }) => sequence);
}

/**
 * Strikes out `used` and returns when that is on the disk: a power cut must not make it count again.
 * When the line begins with a blank the # takes its place, as 0.8 does. When not, 0.8 overwrites the first digit; here
 * the # is inserted, the file being replaced in one step. Throws an Error when it could not be done.
 */
export function strikeOut(path: string, used: Sequence): void {
  const bytes = read(path);
  const text = formatSequence(used);
  for (const { sequence, offset, blank } of places(bytes, () => {})) {
    if (formatSequence(sequence) !== text) continue;
    try {
      if (blank) overwrite(path, offset);
      else replace(fs.realpathSync(path), bytes, offset);
    } catch (error) {
      throw new Error(`${path}: ${systemWords(error)}`);
    }
    return;
  }
  throw goneMeanwhile(path);
}

/** Another door has used it, or somebody has edited the file. */
export function goneMeanwhile(path: string): Error {
  return new Error(`${path}: the sequence that was just used is not there any more`);
}

/** The files, or what stands for them in a replay. */
export interface OneTimeFiles {
  nextOneTime(path: string, warn: (why: string) => void): Sequence | undefined;
  strikeOut(path: string, used: Sequence): void;
}

/**
 * Strikes out the sequence that has just opened a door. Returns the door with the next one; undefined, which is told, when
 * there is none, or when the file can't be written: the sequence would count again, so the door can't keep its promise.
 */
export function doorAfterUse(
  door: Door,
  path: string,
  log: Pick<Log, "info" | "warn" | "error">,
  files: OneTimeFiles = { nextOneTime, strikeOut },
): Door | undefined {
  try {
    files.strikeOut(path, door.sequence);
    const sequence = files.nextOneTime(path, (why) => log.warn(`config: section ${door.name}: ${why}`));
    if (sequence !== undefined) return { ...door, sequence };
    log.info(noSequencesLeft(door.name));
  } catch (error) {
    log.error(notStruckOut(door, error as Error));
  }
  return undefined;
}

/**
 * To read and to write, as 0.8 opens it: a file in which nothing can be struck out is found at the start, not at the first
 * knock.
 */
function read(path: string, access: number = fs.constants.O_RDWR): Buffer {
  try {
    return readRegularFile(path, access);
  } catch (error) {
    throw new Error(`${path}: ${systemWords(error)}`);
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

function overwrite(path: string, offset: number): void {
  const file = fs.openSync(path, "r+");
  try {
    fs.writeSync(file, "#", offset);
    fs.fdatasyncSync(file);
  } finally {
    fs.closeSync(file);
  }
}

function replace(path: string, bytes: Buffer, offset: number): void {
  const temporary = `${path}.knockd`;
  try {
    writeReplacement(
      temporary,
      path,
      Buffer.concat([bytes.subarray(0, offset), Buffer.from("#"), bytes.subarray(offset)]),
    );
    fs.renameSync(temporary, path);
  } catch (error) {
    try {
      fs.unlinkSync(temporary);
    } catch {
      // it was not there, or goes with the next use; the first error is the one to tell
    }
    throw error;
  }
  const directory = fs.openSync(dirname(path), "r");
  try {
    fs.fsyncSync(directory); // the rename itself
  } finally {
    fs.closeSync(directory);
  }
}

/** The new file has the old one's owner and mode before it has a byte of the secret, and is on the disk. */
export function writeReplacement(temporary: string, path: string, bytes: Buffer): void {
  const old = fs.openSync(path, "r");
  const { mode, uid, gid } = fs.fstatSync(old);
  fs.closeSync(old);
  const file = fs.openSync(temporary, "w", 0o600);
  try {
    takeOver(file, uid, gid);
    fs.fchmodSync(file, mode & 0o7777);
    fs.writeFileSync(file, bytes);
    fs.fsyncSync(file);
  } finally {
    fs.closeSync(file);
  }
}

/** Under a unit that takes CAP_CHOWN away, striking out is worth more than whose the file is. */
function takeOver(file: number, uid: number, gid: number): void {
  try {
    fs.fchownSync(file, uid, gid);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "EPERM") throw error;
  }
}
