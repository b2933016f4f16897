// Doors that open nothing.

import type { Config } from "../config/door.ts";
import { atLine, type Finding } from "./finding.ts";
import { COMMANDS } from "./programs.ts";

export function lintNoCommand(config: Config): Finding[] {
  return config.doors
    .filter((door) => door.opening === undefined && COMMANDS.every(([, field]) => !door[field]))
    .map((door) =>
      atLine(
        { config, of: door, directive: "sequence" },
        "no-command",
        "the door opens nothing and has no command: its sequence only writes to the log",
        "Add `open = tcp/22` or a Start_Command.",
      ),
    );
}
