// Finds the firewall tools that a script calls, by their names in its text. Two scripts that both call ufw must not run side by
// side. The text may name a tool that never runs, as in a comment: then a command waits for another without need.

import * as fs from "node:fs";
import { dirname, join } from "node:path";
import { readRegularFile } from "../platform/read-file.ts";
import { FIREWALLS } from "./programs.ts";

/** No script is longer. */
const MAX_BYTES = 256 << 10;
/** Scripts may call scripts. So many files are looked for. */
const MAX_FILES = 64;
const TOOL = new RegExp(`(?<![\\w.-])(?:${[...FIREWALLS].join("|")})(?![\\w-])`, "g");
const PATH = /(?<![\w.~$}/-])\/[\w.+/-]*\w/g;
/** A script may name paths of a network file system that hangs. Only these are looked at, and those beside the script. */
const LOCAL = /^\/(?:etc|opt|usr|bin|sbin)\//;

/** How long an answer holds, and how many are kept: files are read between packets, so a flood of openings must not do it often. */
const [FRESH_SECONDS, MAX_KEPT] = [10, 64] as const;

export class ScriptTools {
  readonly #known = new Map<string, { readonly until: number; readonly tools: readonly string[] }>();

  /** See `toolsOf`. `now` in seconds, monotonic. */
  of(program: string, now: number): readonly string[] {
    const known = this.#known.get(program);
    if (known !== undefined && now < known.until) return known.tools;
    if (this.#known.size >= MAX_KEPT) this.#known.clear();
    const tools = toolsOf(program);
    this.#known.set(program, { until: now + FRESH_SECONDS, tools });
    return tools;
  }
}

/** `program`: the path of a script, or a name that `folders` (PATH) have. Empty for all that is no text. */
export function toolsOf(program: string, folders = (process.env.PATH ?? "").split(":")): readonly string[] {
  const tools = new Set<string>();
  const files = [program.includes("/") ? program : folders.map((one) => join(one, program)).find(isScript)];
  for (let at = 0; at < files.length; at++) {
    const file = files[at];
    const text = file !== undefined && isScript(file) ? textOf(file) : "";
    for (const [tool] of text.matchAll(TOOL)) tools.add(tool);
    for (const [other] of text.matchAll(PATH)) {
      const isNear = LOCAL.test(other) || dirname(other) === dirname(file!);
      if (isNear && files.length < MAX_FILES && !files.includes(other)) files.push(other);
    }
  }
  return [...tools];
}

/** Looks before it opens: to open a device may do something. A path from the directory of the command is not known. */
function isScript(path: string): boolean {
  if (!path.startsWith("/")) return false;
  try {
    const stat = fs.statSync(path);
    return stat.isFile() && stat.size <= MAX_BYTES;
  } catch {
    return false;
  }
}

/** Empty for a program that is no text. */
function textOf(path: string): string {
  try {
    const bytes = readRegularFile(path, fs.constants.O_RDONLY, { most: MAX_BYTES });
    return bytes.includes(0) ? "" : bytes.toString("latin1");
  } catch {
    return "";
  }
}
