// The first thing that a program of ours does: load the others. With too few descriptors that fails inside Node, which
// would print a stack trace for what the user's limit (ulimit -n) says.

import * as fs from "node:fs";
import { dirname } from "node:path";

export async function loadProgram(name: string, load: () => Promise<unknown>): Promise<void> {
  try {
    await load();
  } catch (error) {
    if (!isOutOfDescriptors(error as NodeJS.ErrnoException)) throw error;
    fs.writeSync(2, `${name}: Too many open files: raise the limit (ulimit -n)\n`);
    process.exit(1);
  }
}

function isOutOfDescriptors({ code, message }: NodeJS.ErrnoException): boolean {
  if (code === "EMFILE" || code === "ENFILE" || /too many open files/i.test(message)) return true;
  if (code !== "ERR_MODULE_NOT_FOUND") return false;
  const [, path] = /'(\/[^']+)'/.exec(message) ?? []; // so Node says it too of a package that it can't open
  return path !== undefined && fs.existsSync(dirname(path));
}
