// Builds a door's command for a client, and runs it.

import { spawn } from "node:child_process";
import { constants } from "node:os";
import { native } from "../platform/native.ts";
import { ProcessGroup } from "./process-group.ts";

/** How a command ended. */
export interface CommandEnd {
  /** Its exit status, or 128 + n if signal n ended it, as in a shell. */
  readonly status: number;
  /** The first 512 bytes of what it wrote on standard error. */
  readonly stderrHead: string;
}

/**
 * Resolves when the command has ended; rejects if it could not start. `marker`: a file that its process creates before
 * anything else, if possible. `onStart` gets the process group, which can end it with all its children: SIGTERM, then SIGKILL.
 */
export type Run = (command: string, marker?: string, onStart?: (end: () => void) => void) => Promise<CommandEnd>;

/** Every `%IP%` becomes the knocker's address, and `%CLIENT%` nothing: a code's name stands there already (knock-opener.ts). */
export function substituteAddress(command: string, ip: string): string {
  return command.replace(/%IP%|%CLIENT%/g, (what) => (what === "%IP%" ? ip : ""));
}

/**
 * Begins with the path of a program of the system, so it is no builtin, and contains no character that a shell would interpret.
 * Other programs may be on a network disk that hangs, and we wait until the kernel has opened the program: a shell waits instead.
 */
const PLAIN = /^\/(?:usr\/)?s?bin\/[\w./:=,@%+ -]*$/;

/** The kernel's limit for one argument (MAX_ARG_STRLEN). `sh -c` gets the command as one argument. */
const LONGEST_WORD = 128 << 10;

/**
 * The command lines that do what `/bin/sh -c command` does, the cheapest first: starting a shell that only starts a program
 * takes longer than everything else between a knock and its command. The shell comes last as a fallback: only it can run a
 * script without `#!`, and it reports other errors in its own words.
 */
export function argvCandidates(command: string): string[][] {
  const shell = ["/bin/sh", "-c", command];
  const line = trim(command);
  return command.length < LONGEST_WORD && PLAIN.test(line) ? [line.split(/ +/), shell] : [shell];
}

/** The blanks that separate words for a shell. A no-break space or a CR is part of a word. */
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

/** The same on any kernel, but slower, without a marker and without the text of standard error. */
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
