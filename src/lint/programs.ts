// Finds commands whose program does not exist. At a knock, the error would only be in the log.

import * as fs from "node:fs";
import type { Config, Door } from "../config/door.ts";
import { systemErrorText } from "../platform/system-error.ts";
import { atLine, type Finding } from "./finding.ts";
import { firstProgram } from "./shell.ts";

export const COMMANDS = [
  ["start_command", "startCommand"],
  ["start_command_6", "startCommand6"],
  ["stop_command", "stopCommand"],
  ["stop_command_6", "stopCommand6"],
] as const satisfies readonly (readonly [string, keyof Door])[];

/** Where systemd's services and sysvinit's script look for programs. */
const FOLDERS = ["/usr/local/sbin", "/usr/local/bin", "/usr/sbin", "/usr/bin", "/sbin", "/bin"];

/** Quotes around the whole command make its words one program name. */
const ONE_WORD = /^\s*(?:"[^"\\$`]*\s[^"\\$`]*"|'[^']*\s[^']*')\s*$/;
const ONE: Trouble = {
  what: "the quotes make the whole command one word, and no program has that name",
  hint: "Remove the quotes around the command.",
};

export function lintPrograms(config: Config): Finding[] {
  return config.doors.flatMap((door) =>
    COMMANDS.flatMap(([directive, field]) => {
      const command = door[field] ?? "";
      if (ONE_WORD.test(command)) return [atLine({ config, of: door, directive }, "no-program", ONE.what, ONE.hint)];
      const program = firstProgram(command);
      const why = program === undefined ? undefined : whyNot(program);
      if (why === undefined) return [];
      return [atLine({ config, of: door, directive }, "no-program", `${program}: ${why.what}`, why.hint)];
    }),
  );
}

interface Trouble {
  readonly what: string;
  readonly hint: string;
}

/** Undefined if the program can run, or if that is not certain. */
function whyNot(program: string): Trouble | undefined {
  if (program.startsWith("/")) return troubleOf(program);
  if (program.includes("/")) return undefined; // relative to the directory in which knockd starts
  if (FOLDERS.some((folder) => troubleOf(`${folder}/${program}`) === undefined)) return undefined;
  return { what: `not found in ${FOLDERS.join(", ")}`, hint: "Install the program, or write its full path." };
}

/** Undefined also if the path cannot be examined. */
function troubleOf(path: string): Trouble | undefined {
  try {
    const stat = fs.statSync(path);
    if (stat.isDirectory()) return { what: "this is a directory", hint: "Write the path of a program." };
    return (stat.mode & 0o111) === 0 ? { what: "not executable", hint: `Run: chmod +x ${path}` } : undefined;
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code !== "ENOENT" && code !== "ENOTDIR") return undefined;
    return { what: systemErrorText(error), hint: "Install the program, or correct its path." };
  }
}
