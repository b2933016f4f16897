// Finds the firewall tools that a script calls, by their names in its text. Two scripts that both call ufw must not run side by
// side. The text may name a tool that never runs, as in a comment: then a command waits for another without need.

import { constants } from "node:fs";
import * as fs from "node:fs/promises";
import { dirname, join } from "node:path";
import { FIREWALLS } from "./programs.ts";

/** No script is longer. */
const MAX_BYTES = 256 << 10;
/** Scripts may call scripts. So many files are looked for. */
const MAX_FILES = 64;
const TOOL = new RegExp(`(?<![\\w.-])(?:${[...FIREWALLS].join("|")})(?![\\w-])`, "g");
const PATH = /(?<![\w.~$}/-])\/[\w.+/-]*\w/g;
/** A script may name paths of a network file system that hangs. Only these are looked at, and those beside the script. */
const LOCAL = /^\/(?:etc|opt|usr|bin|sbin)\//;

/** How long an answer holds, and how many are kept: a flood of openings must not read files each time. */
const [FRESH_SECONDS, MAX_KEPT] = [10, 1024] as const;
/** A script that has not been read yet may call any tool. */
const ANY_TOOL: readonly string[] = [...FIREWALLS];
/**
 * A read may hang for ever with one of libuv's four threads, and the journal needs one, too. Scripts of one directory are
 * probably on the same disk, so they are read one after the other.
 */
const MAX_READING = 2;

/** What is known about a program. `until`: read it again then, in seconds of the monotonic clock. */
interface Known {
  tools: readonly string[];
  until: number;
  isAsked: boolean;
}

/** Remembers the tools of scripts, and reads the scripts off the event loop: a script's disk may hang. */
export class ScriptTools {
  readonly #known = new Map<string, Known>();
  readonly #toolsOf: (program: string) => Promise<readonly string[]>;
  /** The programs to read, and the directories in which one is being read. */
  readonly #waiting = new Map<string, Known>();
  readonly #reading = new Map<string, Promise<void>>();

  constructor(read: (program: string) => Promise<readonly string[]> = toolsOf) {
    this.#toolsOf = read;
  }

  /** See `toolsOf`. Returns the last answer, and all tools while there is none. `now`: seconds, monotonic. */
  of(program: string, now: number): readonly string[] {
    if (!this.#known.has(program)) {
      if (this.#known.size >= MAX_KEPT) this.#known.clear();
      this.#known.set(program, { tools: ANY_TOOL, until: now, isAsked: false });
    }
    const known = this.#known.get(program)!;
    if (now >= known.until && !known.isAsked && this.#waiting.size < MAX_KEPT) {
      known.isAsked = true;
      known.until = now + FRESH_SECONDS;
      this.#waiting.set(program, known);
      this.#readNext();
    }
    return known.tools;
  }

  /** Resolves when every script that was asked for has been read. */
  async settled(): Promise<void> {
    while (this.#reading.size > 0) await Promise.all(this.#reading.values());
  }

  #readNext(): void {
    for (const [program, known] of this.#waiting) {
      if (this.#reading.size >= MAX_READING) return;
      const directory = dirname(program);
      if (this.#reading.has(directory)) continue;
      this.#waiting.delete(program);
      this.#reading.set(directory, this.#read(program, known, directory));
    }
  }

  async #read(program: string, known: Known, directory: string): Promise<void> {
    known.tools = await this.#toolsOf(program);
    known.isAsked = false;
    this.#reading.delete(directory);
    this.#readNext();
  }
}

/**
 * `program`: the path of a script, or a name that `folders` (PATH) have. `local`: the other paths to look at. Empty for all that
 * is no text.
 */
export async function toolsOf(
  program: string,
  folders = (process.env.PATH ?? "").split(":"),
  local = LOCAL,
): Promise<readonly string[]> {
  const tools = new Set<string>();
  const files = program.includes("/") ? [program] : await firstIn(folders, program);
  for (let at = 0; at < files.length; at++) {
    const file = files[at]!;
    const text = await textOf(file);
    for (const [tool] of text.matchAll(TOOL)) tools.add(tool);
    for (const [other] of text.matchAll(PATH)) {
      const isNear = local.test(other) || dirname(other) === dirname(file);
      if (isNear && files.length < MAX_FILES && !files.includes(other)) files.push(other);
    }
  }
  return [...tools];
}

async function firstIn(folders: readonly string[], name: string): Promise<string[]> {
  for (const folder of folders) if ((await sizeOf(join(folder, name))) !== undefined) return [join(folder, name)];
  return [];
}

/** Looks before it opens: to open a device may do something. A path from the directory of the command is not known. */
async function sizeOf(script: string): Promise<number | undefined> {
  if (!script.startsWith("/")) return undefined;
  try {
    const stat = await fs.stat(script);
    return stat.isFile() && stat.size <= MAX_BYTES ? stat.size : undefined;
  } catch {
    return undefined;
  }
}

/** Empty for a program that is no text. */
async function textOf(path: string): Promise<string> {
  const size = await sizeOf(path);
  if (size === undefined) return "";
  let file: fs.FileHandle | undefined;
  try {
    file = await fs.open(path, constants.O_RDONLY | constants.O_NONBLOCK | constants.O_NOCTTY);
    const { bytesRead, buffer } = await file.read(Buffer.alloc(size), 0, size, 0);
    const bytes = buffer.subarray(0, bytesRead);
    return bytes.includes(0) ? "" : bytes.toString("latin1");
  } catch {
    return "";
  } finally {
    await file?.close().catch(() => {});
  }
}
