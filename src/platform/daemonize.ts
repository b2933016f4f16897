// Option -d. Node cannot fork, so the daemon is a second process. The first process waits until the second listens or fails.

import { spawn } from "node:child_process";
import * as fs from "node:fs";
import { launcher } from "./launcher.ts";
import { native } from "./native.ts";

/** The descriptor on which the second process reports that it listens. */
const READY_FD = 3;
const MARK = "KNOCKD_READY";

/** Is this the second process? Call it once: it removes the mark, which must not reach the commands. */
export function takeMark(): boolean {
  const marked = process.env[MARK] !== undefined;
  delete process.env[MARK];
  return marked;
}

/** For the first process: starts the second with the same arguments. Resolves with the status to exit with. */
export function toBackground(): Promise<number> {
  const words = process.argv.slice(2);
  const isScript = launcher === undefined;
  const child = spawn(launcher ?? process.execPath, isScript ? [...process.execArgv, calledAs(), ...words] : words, {
    argv0: isScript ? undefined : calledAs(),
    detached: true,
    env: { ...process.env, [MARK]: "1" },
    stdio: ["ignore", "inherit", "inherit", "pipe"],
  });
  return new Promise((resolve, reject) => {
    child.on("error", reject);
    child.on("exit", (status) => resolve(status ?? 1)); // the second process failed, and has said why
    child.stdio[READY_FD]!.on("data", () => resolve(0));
  });
}

/** Our file by the name that the user typed. Node turns it into a full path, which other programs would see. */
function calledAs(): string {
  try {
    return fs.readFileSync("/proc/self/cmdline", "utf8").split("\0", 1)[0] || process.argv[1]!;
  } catch {
    return process.argv[1]!; // without /proc, nobody can see it anyway
  }
}

/**
 * For the second process, when it listens: detaches from the terminal and lets the first process exit.
 * Returns false if the first process has already ended: its caller has given up and needs no daemon.
 */
export function letGo(): boolean {
  native.detach();
  try {
    fs.writeSync(READY_FD, "1");
  } catch {
    return false;
  }
  fs.closeSync(READY_FD);
  return true;
}
