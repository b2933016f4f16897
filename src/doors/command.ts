// The commands of a door: what they are for a knocker, and running them.

import { type ChildProcess, spawn } from "node:child_process";
import { constants } from "node:os";
import { native } from "../capture/native.ts";

/**
 * How a command ended: its exit status, 128 + n when signal n ended it, as a shell says. Rejects when it could not
 * start. `marker`: a file that its process makes before anything else, if it can. `onStart` is given what ends it, with
 * all that it has started: first kindly, then by force.
 */
export type Run = (command: string, marker?: string, onStart?: (end: () => void) => void) => Promise<number>;

/** How long a command that is told to end may take for it. */
const KINDNESS_MS = 5000;

/** Every `%IP%` becomes the knocker's address; nothing else is replaced. */
export function fillIn(command: string, ip: string): string {
  return command.replaceAll("%IP%", () => ip);
}

/**
 * By `/bin/sh -c`, in a session of its own, with our standard input, output and error and no other descriptor
 * (0.8 leaks its capture socket and log file into every command). By the addon where it can: Node's own spawn copies
 * the process's page tables first, which the knocker waits for.
 */
export const run: Run = native.runCommand ? runByAddon : runByNode;

async function runByAddon(command: string, marker?: string, onStart?: (end: () => void) => void): Promise<number> {
  return new Promise((resolve) => {
    const pid = native.runCommand!(command, marker ?? "", (status) => {
      group.ended = true;
      resolve(status);
    });
    const group = new Group(pid);
    onStart?.(() => group.end());
  });
}

/** The same, slower, on any kernel; it makes no marker. */
export function runByNode(command: string, _marker?: string, onStart?: (end: () => void) => void): Promise<number> {
  return new Promise((resolve, reject) => {
    const child: ChildProcess = spawn("/bin/sh", ["-c", command], { detached: true, stdio: "inherit" });
    child.on("error", reject);
    child.on("exit", (status, signal) => {
      if (group !== undefined) group.ended = true;
      resolve(status ?? 128 + constants.signals[signal!]);
    });
    const group = child.pid === undefined ? undefined : new Group(child.pid);
    if (group !== undefined) onStart?.(() => group.end());
  });
}

/** A command with all that it has started. Its number is its own until we have heard that it ended. */
class Group {
  readonly #pid: number;
  ended = false;

  constructor(pid: number) {
    this.#pid = pid;
  }

  end(): void {
    this.#signal("SIGTERM");
    setTimeout(() => this.#signal("SIGKILL"), KINDNESS_MS).unref();
  }

  #signal(signal: NodeJS.Signals): void {
    try {
      if (!this.ended) process.kill(-this.#pid, signal);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "ESRCH") throw error; // ended in this very moment
    }
  }
}
