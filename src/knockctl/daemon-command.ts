// What every command has that asks the daemons of a config.

import type { Command } from "commander";

/** `name` with its arguments, as commander takes it. */
export function asking(program: Command, name: string, summary: string, help: string): Command {
  return program
    .command(name)
    .summary(summary)
    .option("-c, --config <file>", "the config that knockd runs with", "/etc/knockd.conf")
    .option("--json", "print what the daemon answers, a JSON object a line")
    .addHelpText("after", help);
}
