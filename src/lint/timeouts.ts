// Finds times that do not work as they seem to: a Cmd_Timeout without a stop command, and commands killed before they
// finish.

import type { Config, Door } from "../config/door.ts";
import { atLine, type Finding } from "./finding.ts";
import { COMMANDS } from "./programs.ts";
import { simpleCommands } from "./shell.ts";

export function lintTimeouts(config: Config): Finding[] {
  return config.doors.flatMap((door) => [...withoutStop(config, door), ...sleeps(config, door)]);
}

function withoutStop(config: Config, door: Door): Finding[] {
  const isGiven = config.lines.get(door)!.has("cmd_timeout");
  if (!isGiven || door.stopCommand || door.stopCommand6) return [];
  const about = { config, of: door, directive: "cmd_timeout" };
  const what = "Cmd_Timeout does nothing without a Stop_Command";
  return [
    atLine(about, "cmd-timeout", what, "Add a Stop_Command that undoes the Start_Command, or remove Cmd_Timeout."),
  ];
}

/** With 0.8, people close a door with `open; sleep 75; close`. */
function sleeps(config: Config, door: Door): Finding[] {
  const { commandTimeout } = door.policy;
  const isSet = [door, config.options].some((of) => config.lines.get(of)?.has("command_timeout"));
  if (!isSet || commandTimeout === 0) return [];
  return COMMANDS.flatMap(([directive, field]) => {
    const seconds = secondsAsleep(door[field] ?? "");
    if (seconds < commandTimeout) return [];
    const sleep = Number.isFinite(seconds) ? `for ${seconds} s` : "forever";
    const what = `the command sleeps ${sleep}, but Command_Timeout kills it after ${commandTimeout} s: the rest never runs`;
    const hint = "Use Cmd_Timeout and Stop_Command instead of sleep, or set a longer Command_Timeout (0: no limit).";
    return [atLine({ config, of: door, directive }, "sleep", what, hint)];
  });
}

const UNITS: Readonly<Record<string, number>> = { s: 1, m: 60, h: 3600, d: 86_400 };

/** `sh -c "…"`, `(…)` or `{ …; }` around the whole command, with nothing in it that needs a closer look. */
const WRAPPED =
  /^\s*(?:(?:\/(?:usr\/)?bin\/)?(?:ba|da)?sh\s+-c\s+(?:"([^"\\$`]*)"|'([^'\\$`]*)')|\(([^()]*)\)|\{\s([^{}]*);\s*\})\s*$/;

/** The time that the line certainly sleeps before its last command. 0 if nothing is certain. */
function secondsAsleep(command: string): number {
  const within = WRAPPED.exec(command)
    ?.slice(1)
    .find((text) => text !== undefined);
  if (within !== undefined) return secondsAsleep(within);
  // Quoted text is no command of this shell. With background commands, it is unknown what the shell waits for.
  const bare = command.replace(/'[^']*'|"[^"$`\\]*"/g, "Q");
  const commands = /(?<![&>])&(?![&\d])|\|/.test(bare) ? undefined : simpleCommands(bare);
  let seconds = 0;
  let before = 0;
  for (const { words } of commands ?? []) {
    if (!/^(?:\/(?:usr\/)?bin\/)?sleep$/.test(words[0] ?? "")) {
      before = seconds;
      continue;
    }
    for (const word of words.slice(1)) {
      const [, number, unit = "s"] = /^(\d+(?:\.\d+)?|inf|infinity)([smhd])?$/.exec(word) ?? [];
      if (number === undefined) return 0;
      seconds += (number.startsWith("inf") ? Number.POSITIVE_INFINITY : Number(number)) * UNITS[unit]!;
    }
  }
  return before;
}
