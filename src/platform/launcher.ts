// How the daemon was started: as a script that Node runs, as the single executable of `npm run single`, or by the launcher of
// the Debian packages (native/launcher.cc), which runs Node in its own process or executes it.

import { isSingle } from "./single-executable.ts";

/** The program that takes only our own arguments, without the path of a script. Undefined if Node runs a script. */
export const launcher: string | undefined = isSingle ? process.execPath : take("KNOCKD_LAUNCHER");

/** The words of our command line that belong to Node: `count` words after the first `index` words. */
export const nodeWords: { readonly index: number; readonly count: number } =
  launcher === undefined
    ? { index: 0, count: 1 + process.execArgv.length } // `node` and its options; the script's path stays
    : launcher === process.execPath
      ? { index: 0, count: 0 }
      : { index: 1, count: process.execArgv.length + 1 }; // Node's options and the script's path; the launcher's name stays

/** Reads the variable and removes it: it must not reach the commands. */
function take(name: string): string | undefined {
  const value = process.env[name];
  delete process.env[name];
  return value;
}
