// Doors that open nothing, and stop commands that never run.

import type { Config, Door } from "../config/door.ts";
import { atLine, type Finding } from "./finding.ts";

export function lintNoCommand(config: Config): Finding[] {
  return config.doors
    .filter(({ startCommand, startCommand6 }) => isNothing(startCommand) && isNothing(startCommand6))
    .flatMap((door) => {
      const about = { config, of: door };
      const stop = stopOf(door);
      if (stop !== undefined)
        return [
          atLine(
            { ...about, directive: stop },
            "no-command",
            "a stop command runs only after a start command, and the door has none: it never runs",
            "Add a Start_Command, or remove this line.",
          ),
        ];
      if (door.opening !== undefined) return [];
      return [
        atLine(
          { ...about, directive: "sequence" },
          "no-command",
          "the door opens nothing and has no command: its sequence only writes to the log",
          "Add `open = tcp/22` or a Start_Command.",
        ),
      ];
    });
}

function stopOf({ stopCommand, stopCommand6 }: Door): string | undefined {
  if (!isNothing(stopCommand)) return "stop_command";
  return isNothing(stopCommand6) ? undefined : "stop_command_6";
}

/** To a shell, a line that begins with # is a comment. */
const isNothing = (command: string | undefined): boolean => /^\s*(#|$)/.test(command ?? "");
