// A knock kept in a file: `knock home` reads ~/.config/knock/home.knock. The file holds what would stand on the command
// line, on as many lines as you like; `#` begins a comment. It contains a secret, so other users must not be able to read it.

import * as fs from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";
import { systemErrorText } from "../platform/system-error.ts";
import { isOurs, openUnlinked } from "../platform/trusted-file.ts";
import { Complaint } from "./complaint.ts";

const NAME = /^[A-Za-z0-9._-]{1,64}$/;
const OTHERS = 0o077;
const MAX_BYTES = 65_536;

/** The file of that name; undefined when there is none. */
export function fileOfName(name: string): string | undefined {
  if (!NAME.test(name)) return undefined;
  const path = join(process.env.XDG_CONFIG_HOME || join(homedir(), ".config"), "knock", `${name}.knock`);
  return fs.existsSync(path) ? path : undefined;
}

/** The same. Throws Complaint when there is none. */
export function requireFileOfName(name: string): string {
  const path = fileOfName(name);
  if (path === undefined) throw new Complaint(`error: there is no ~/.config/knock/${name}.knock`);
  return path;
}

/** The words of such a file, as on a command line. Throws Complaint when it can't be read, or when others can read it. */
export function readKnockFile(path: string): string[] {
  let file: number | undefined;
  let text: string;
  try {
    file = openUnlinked(path, fs.constants.O_RDONLY);
    const stat = fs.fstatSync(file);
    if (!stat.isFile()) throw new Error("it is not a file");
    if (!isOurs(stat.uid)) throw new Error(`it belongs to another user (uid ${stat.uid})`);
    if ((stat.mode & OTHERS) !== 0) {
      throw new Error(`other users can read it, and it contains your secret sequence\nRun: chmod 600 ${path}`);
    }
    if (stat.size > MAX_BYTES) throw new Error(`it is larger than ${MAX_BYTES} bytes`);
    text = fs.readFileSync(file, "utf8");
  } catch (error) {
    const { errno, message } = error as NodeJS.ErrnoException;
    throw new Complaint(`error: ${path}: ${errno === undefined ? message : systemErrorText(error)}`);
  } finally {
    if (file !== undefined) fs.closeSync(file);
  }
  const words = text
    .split("\n")
    .map((line) => line.replace(/(^|\s)#.*$/, ""))
    .join(" ")
    .split(/\s+/)
    .filter((word) => word !== "");
  if (words.length === 0)
    throw new Complaint(
      `error: ${path}: it is empty; write into it what follows "knock", such as: host.example 7000 8000 9000`,
    );
  return words;
}
