// The commands of a door: what they are for a knocker, and running them.

import { spawn } from "node:child_process";
import { constants } from "node:os";
import { native } from "../platform/native.ts";
import { ProcessGroup } from "./process-group.ts";

/** How a command ended. */
export interface CommandEnd {
  /** Its exit status, 128 + n when signal n ended it, as a shell says. */
  readonly status: number;
  /** The first 512 bytes of what it wrote on standard error. */
  readonly stderrHead: string;
}

/**
 * Resolves when the command has ended; rejects when it could not start. `marker`: a file that its process makes before
 * anything else, if it can. `onStart` is given what ends it, with all that it has started: first kindly, then by force.
 */
export type Run = (command: string, marker?: string, onStart?: (end: () => void) => void) => Promise<CommandEnd>;

/** Every `%IP%` becomes the knocker's address, and `%CLIENT%` nothing: a code's name stands there already (knock-opener.ts). */
export function substituteAddress(command: string, ip: string): string {
  return command.replace(/%IP%|%CLIENT%/g, (what) => (what === "%IP%" ? ip : ""));
}

/** Begins with a file's whole path, so that it is no shell's word, and holds nothing that a shell would read. */
const PLAIN = /^\/[\w./:=,@%+ -]*$/;

/** The kernel takes no longer word (MAX_ARG_STRLEN), and a command is one to the shell: a longer one can't be started. */
const LONGEST_WORD = 128 << 10;

/**
 * The command lines that do what `/bin/sh -c command` does, the cheapest first: the shell that would do nothing but
 * start a program takes longer than all else between a knock and its command. The shell comes last all the same: what
 * can't be started without it is a script without `#!`, which only it can run, or it says what is wrong in its own words.
 */
export function argvCandidates(command: string): string[][] {
  const shell = ["/bin/sh", "-c", command];
  const line = trim(command);
  return command.length < LONGEST_WORD && PLAIN.test(line) ? [line.split(/ +/), shell] : [shell];
}

/** The blanks that separate words for a shell. A no-break space, or a CR, belongs to its word. */
function trim(command: string): string {
  const isBlank = (at: number) => " \t\n".includes(command[at]!);
  let start = 0;
  let end = command.length;
  while (start < end && isBlank(start)) start++;
  while (end > start && isBlank(end - 1)) end--;
  return command.slice(start, end);
}

/**
 * As `/bin/sh -c` would, in a session of its own, with our standard input, output and error and no other descriptor
 * (0.8 leaks its capture socket and log file into every command). By the addon where it can: Node's own spawn copies
 * the process's page tables first, which the knocker waits for.
 */
export const run: Run = native.runCommand ? runByAddon : runByNode;

function runByAddon(command: string, marker?: string, onStart?: (end: () => void) => void): Promise<CommandEnd> {
  return new Promise((resolve) => {
    const pid = native.runCommand!(argvCandidates(command), marker ?? "", (status, wrote) => {
      void group.waitGone().then(() => resolve({ status, stderrHead: wrote.toString() }));
    });
    const group = new ProcessGroup(pid);
    onStart?.(() => group.terminate());
  });
}

/** The same, slower, on any kernel; it makes no marker, and does not see what is written on standard error. */
export function runByNode(command: string, _marker?: string, onStart?: (end: () => void) => void): Promise<CommandEnd> {
  return new Promise((resolve, reject) => {
    const child = spawn("/bin/sh", ["-c", command], { detached: true, stdio: "inherit" });
    const group = child.pid === undefined ? undefined : new ProcessGroup(child.pid);
    child.on("error", reject);
    child.on("exit", (code, signal) => {
      const status = code ?? 128 + constants.signals[signal!];
      void group!.waitGone().then(() => resolve({ status, stderrHead: "" }));
    });
    if (group !== undefined) onStart?.(() => group.terminate());
  });
}
