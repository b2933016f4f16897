// Writes the output of a command to a file (-o FILE).

import * as fs from "node:fs";
import { replaceFile } from "./replace-file.ts";
import { isOurs, openUnlinked } from "./trusted-file.ts";

/** Replaces a file in one step. Writes to a terminal, a pipe or a device. Throws an Error with the system's reason. */
export function writeOutput(path: string, text: string): void {
  const there = fs.lstatSync(path, { throwIfNoEntry: false });
  if (there === undefined || there.isFile()) {
    const mode = there !== undefined && isOurs(there.uid) ? there.mode : 0o644 & ~process.umask();
    replaceFile(path, text, { mode, sync: false });
    return;
  }
  if (there.isDirectory()) throw new Error("is a directory");
  const file = openUnlinked(path, fs.constants.O_WRONLY | fs.constants.O_TRUNC);
  try {
    fs.writeFileSync(file, text);
  } finally {
    fs.closeSync(file);
  }
}
