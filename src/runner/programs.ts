// Finds the programs that a command line runs, also through `sudo`, `env`, `nice`, `sh -c` and the like. Compares file names,
// because a program may have several paths.

import { type ShellCommand, shellCommands, UNKNOWN } from "./shell-line.ts";

/** A program that starts another program, after its own options and some operands. */
interface Starter {
  /** Its one-letter options that take a value. */
  readonly values?: string;
  readonly longValues?: readonly string[];
  /** How many words stand between its options and the program. */
  readonly operands?: number;
}

const STARTERS: Readonly<Record<string, Starter>> = table({
  sudo: {
    values: "CDRTUghprtu",
    longValues: "user group host prompt close-from command-timeout chdir chroot role type other-user".split(" "),
  },
  doas: { values: "Cu" },
  env: { values: "Cu", longValues: ["unset", "chdir"] },
  nice: { values: "n", longValues: ["adjustment"] },
  ionice: { values: "cn", longValues: ["class", "classdata"] },
  chrt: { values: "DPT", operands: 1 },
  taskset: { operands: 1 },
  timeout: { values: "ks", longValues: ["kill-after", "signal"], operands: 1 },
  time: { values: "fo" },
  stdbuf: { values: "eio", longValues: ["input", "output", "error"] },
  flock: { values: "Ew", longValues: ["timeout", "wait", "conflict-exit-code"], operands: 1 },
  chroot: { operands: 1 },
  nsenter: { values: "GSt", longValues: ["target", "setuid", "setgid"] },
  unshare: { values: "GRSw" },
  setpriv: { longValues: "reuid regid ruid euid rgid egid groups inh-caps ambient-caps bounding-set".split(" ") },
  runuser: { values: "Ggu", longValues: ["user", "group", "supp-group"] },
  xargs: { values: "EILPadns" },
  exec: { values: "a" },
  nohup: {},
  setsid: {},
  command: {},
  builtin: {},
  busybox: {},
});
const SHELLS = new Set(["sh", "bash", "dash", "ash", "ksh", "zsh"]);
/** They keep their rules in files. Recognised also as an argument of an unknown program, and in a script. */
export const FIREWALLS: ReadonlySet<string> = new Set(
  "ufw firewall-cmd firewall-offline-cmd netfilter-persistent shorewall csf apf ferm fail2ban-client".split(" "),
);
const DEEPEST = 8;

/** A program that the line runs. */
export interface Program {
  readonly name: string;
  /** As the line has it, with its path. Empty if only its name is known. */
  readonly path: string;
  /** Its arguments that are files or firewall tools: an unknown program may start or change them. */
  readonly given: readonly string[];
  /** The names of the files that its output replaces, and of those that it appends to. */
  readonly overwrites: readonly string[];
  readonly appends: readonly string[];
}

/** All programs of a line. Undefined if only running the line can tell. */
export function programsOf(line: string, depth = 0): readonly Program[] | undefined {
  if (depth > DEEPEST) return undefined;
  const programs: Program[] = [];
  for (const command of shellCommands(line) ?? [undefined]) {
    const some = command && programsOfCommand(command, depth);
    if (some === undefined) return undefined;
    programs.push(...some);
  }
  return programs;
}

function programsOfCommand(command: ShellCommand, depth: number): readonly Program[] | undefined {
  const { words } = command;
  const overwrites = command.overwrites.map(fileName);
  const appends = command.appends.map(fileName);
  if (words.length === 0) return [{ ...program(""), overwrites, appends }];
  const programs = started(words, depth);
  if (overwrites.length + appends.length === 0) return programs;
  return programs?.map((one) => ({
    ...one,
    overwrites: [...one.overwrites, ...overwrites],
    appends: [...one.appends, ...appends],
  }));
}

function started(words: readonly string[], depth: number): readonly Program[] | undefined {
  const [first, ...rest] = words;
  const name = fileName(first ?? "");
  if (name === "" || name.includes(UNKNOWN)) return undefined;
  if (depth > DEEPEST) return undefined;
  const scriptAt =
    SHELLS.has(name) || name === "su" || name === "runuser" || name === "flock" ? textAt(name, rest) : -1;
  if (scriptAt >= 0) return rest[scriptAt] === undefined ? undefined : programsOf(rest[scriptAt], depth + 1);
  if (SHELLS.has(name)) return script(rest.find((word) => !/^[-+]/.test(word)));
  if (name === "su") return undefined;
  if (name === "eval") return programsOf(rest.join(" "), depth + 1);
  if (name === "trap") return rest[0] === undefined || rest[0] === "-" ? [] : programsOf(rest[0], depth + 1);
  if (name === "." || name === "source") return script(rest[0]);
  if (name === "ip" && rest.includes("exec")) return started(rest.slice(rest.indexOf("exec") + 2), depth + 1);
  const starter = STARTERS[name];
  if (starter !== undefined) {
    const behind = behindOptions(rest, starter);
    return behind.length === 0 ? [program(first!)] : started(behind, depth + 1);
  }
  return [program(first!, rest.filter((word) => word.startsWith("/") || FIREWALLS.has(word)).map(fileName))];
}

/** Where the text is that `-c` gives a shell, or one that starts it; -1 where there is none. */
function textAt(name: string, words: readonly string[]): number {
  const at = words.findIndex((word) => /^-[a-zA-Z]*c$/.test(word) || word === "--command");
  if (at < 0) return -1;
  const before = words.slice(0, at).filter((word) => !/^[-+]/.test(word));
  // Behind its script, an option is the script's own; `su` and `flock` have a name before it.
  if (SHELLS.has(name) && before.length > 0 && words[at - 2] !== "-o") return -1;
  return at + 1;
}

/** A file with commands, by whatever it is read; without one they come from elsewhere. */
function script(path: string | undefined): readonly Program[] | undefined {
  const name = fileName(path ?? "");
  return name === "" || name.includes(UNKNOWN) ? undefined : [program(path!)];
}

function program(path: string, given: readonly string[] = []): Program {
  return { name: fileName(path), path: path.includes(UNKNOWN) ? "" : path, given, overwrites: [], appends: [] };
}

function behindOptions(words: readonly string[], { values = "", longValues = [], operands = 0 }: Starter): string[] {
  let at = 0;
  while (at < words.length) {
    const word = words[at]!;
    if (word === "--") {
      at++;
      break;
    }
    if (/^\w+=/.test(word))
      at++; // as env and sudo take them
    else if (word.startsWith("--")) at += longValues.includes(word.slice(2)) ? 2 : 1;
    else if (/^-./.test(word)) at += values.includes(word.at(-1)!) && !hasValueBefore(word, values) ? 2 : 1;
    else if (word === "-") at++;
    else break;
  }
  return words.slice(at + operands);
}

/** As in `-n10`: what is behind such a letter is its value. */
function hasValueBefore(word: string, values: string): boolean {
  return [...word.slice(1, -1)].some((letter) => values.includes(letter));
}

function fileName(path: string): string {
  return path.slice(path.lastIndexOf("/") + 1);
}

/** Without a prototype, because a program may be called `constructor`. */
function table<T extends object>(entries: T): T {
  return Object.assign(Object.create(null), entries);
}
