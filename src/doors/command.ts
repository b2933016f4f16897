// The commands of a door: what they are for a knocker, and running them.

import { spawn } from "node:child_process";
import { constants } from "node:os";
import { native } from "../capture/native.ts";

/** How a command ended: its exit status, 128 + n when signal n ended it, as a shell says. Rejects when it could not start. */
export type Run = (command: string) => Promise<number>;

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

async function runByAddon(command: string): Promise<number> {
  return new Promise((resolve) => native.runCommand!(command, resolve));
}

/** The same, slower, on any kernel. */
export function runByNode(command: string): Promise<number> {
  return new Promise((resolve, reject) => {
    const child = spawn("/bin/sh", ["-c", command], { detached: true, stdio: "inherit" });
    child.on("error", reject);
    child.on("exit", (status, signal) => resolve(status ?? 128 + constants.signals[signal!]));
  });
}
