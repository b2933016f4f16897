// The daemon is started in one of three ways: as a script that Node runs, as the file of `npm run single`, or by the launcher
// of the Debian packages (native/launcher.cc), which runs Node in its own process or executes it.

import { isSingle } from "./single-executable.ts";

/** The program that takes our own arguments alone, without a script's path; undefined for a script. */
export const launcher: string | undefined = isSingle ? process.execPath : take("KNOCKD_LAUNCHER");

/** The words of our command line that are Node's: `count` of them, behind the first `index`. */
export const nodeWords: { readonly index: number; readonly count: number } =
  launcher === undefined
    ? { index: 0, count: 1 + process.execArgv.length } // Node and its options; the script's path stays
    : launcher === process.execPath
      ? { index: 0, count: 0 }
      : { index: 1, count: process.execArgv.length + 1 }; // its options and the script's path; the launcher's name stays

/** Removes the variable: it must not reach the commands. */
function take(name: string): string | undefined {
  const value = process.env[name];
  delete process.env[name];
  return value;
}
