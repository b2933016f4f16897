// Files of one-time sequences: a sequence a line, used from the top, struck out by a # at its beginning.

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
 * Strikes out `used`. When this returns, the kernel has it; `bringToDisk` makes it last through a power cut.
 * When the line begins with a blank the # takes its place, as 0.8 does. When not, 0.8 overwrites the first digit; here
 * the # is inserted, the file being replaced in one step. Throws an Error when it could not be done.
 */
export function strikeOut(path: string, used: Sequence): void {
  const text = formatSequence(used);
  try {
    const real = fs.realpathSync(path);
    // The directory stays the same one in all steps, even if a user who owns one above it puts a link in its place.
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

/** False when the sequence is not there. */
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

/** Off the event loop: a slow disk must not keep other knocks waiting. Rejects in the system's words. */
export async function bringToDisk(path: string): Promise<void> {
  for (const one of [path, dirname(path)]) {
    const file = await open(one, fs.constants.O_RDONLY | fs.constants.O_NONBLOCK);
    await file.sync().finally(() => file.close());
  }
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

const CAREFUL = fs.constants.O_NOFOLLOW | fs.constants.O_NONBLOCK | fs.constants.O_NOCTTY;

/**
 * To read and to write, as 0.8 opens it: a file in which nothing can be struck out is found at the start, not at the first
 * knock.
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

/** 0.8's words, when the last one-time sequence has been used and when there was none at the start. */
export function noSequencesLeft(name: string): string {
  return `no more sequences left in the one time sequences file for door ${name} --> disabling the door`;
}
