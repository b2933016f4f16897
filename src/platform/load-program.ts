// Loads the modules of a program. If there are too few file descriptors (ulimit -n), that fails inside Node. Then this prints
// one clear line instead of a stack trace.

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
  const [, path] = /'(\/[^']+)'/.exec(message) ?? []; // Node also reports this for a package that it cannot open
  return path !== undefined && fs.existsSync(dirname(path));
}
