// Commands whose program is not there: at a knock, nobody is there to see the message.

import * as fs from "node:fs";
import type { Config, Door } from "../config/door.ts";
import { systemErrorText } from "../platform/system-error.ts";
import { type Finding, warning } from "./finding.ts";
import { firstProgram } from "./shell.ts";

export const COMMANDS = [
  ["start_command", "startCommand"],
  ["start_command_6", "startCommand6"],
  ["stop_command", "stopCommand"],
  ["stop_command_6", "stopCommand6"],
] as const satisfies readonly (readonly [string, keyof Door])[];

/** Where systemd's services and sysvinit's script look for programs. */
const FOLDERS = ["/usr/local/sbin", "/usr/local/bin", "/usr/sbin", "/usr/bin", "/sbin", "/bin"];

export function lintPrograms(config: Config): Finding[] {
  return config.doors.flatMap((door) =>
    COMMANDS.flatMap(([directive, field]) => {
      const program = firstProgram(door[field] ?? "");
      const why = program === undefined ? undefined : whyNot(program);
      if (why === undefined) return [];
      return [warning({ config, of: door, directive }, "no-program", `${program}: ${why.what}`, why.hint)];
    }),
  );
}

interface Trouble {
  readonly what: string;
  readonly hint: string;
}

/** Undefined when it can be run, or when that is not certain. */
function whyNot(program: string): Trouble | undefined {
  if (program.startsWith("/")) return troubleOf(program);
  if (program.includes("/")) return undefined; // from wherever knockd was started
  if (FOLDERS.some((folder) => troubleOf(`${folder}/${program}`) === undefined)) return undefined;
  return { what: `it is in none of ${FOLDERS.join(", ")}`, hint: "install it, or write its whole path" };
}

/** Undefined, too, when nobody may tell. */
function troubleOf(path: string): Trouble | undefined {
  try {
    const stat = fs.statSync(path);
    if (stat.isDirectory()) return { what: "it is a directory", hint: "write which program in it is meant" };
    return (stat.mode & 0o111) === 0 ? { what: "it is not executable", hint: `chmod +x ${path}` } : undefined;
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code !== "ENOENT" && code !== "ENOTDIR") return undefined;
    return { what: systemErrorText(error), hint: "install it, or write where it is" };
  }
}
