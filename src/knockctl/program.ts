// knockctl COMMAND: each command is a file in commands/.

import type { Command as TypedCommand } from "@commander-js/extra-typings";
import { Command, CommanderError } from "commander";
import { version } from "../platform/version.ts";
import { paragraph } from "../terminal/paragraph.ts";
import { check } from "./commands/check.ts";
import { client } from "./commands/client.ts";
import { doors } from "./commands/doors.ts";
import { explain } from "./commands/explain.ts";
import { gate } from "./commands/gate.ts";
import { init } from "./commands/init.ts";
import { close, extend, open } from "./commands/manual.ts";
import { metrics } from "./commands/metrics.ts";
import { replay } from "./commands/replay.ts";
import { report } from "./commands/report.ts";
import { selfTest } from "./commands/self-test.ts";
import { status } from "./commands/status.ts";
import { watch } from "./commands/watch.ts";
import { list } from "./help.ts";
import { isAnswered } from "./request.ts";

const WRONG_COMMAND_LINE = 2;
/** Commander's own exit status for such an error. A command may choose another. */
const COMMANDERS = 1;

/** In the order in which a new user needs them. */
const GROUPS = {
  "Set up": [init, check, client],
  Look: [status, doors, watch, explain, selfTest],
  Act: [open, close, extend, gate],
  Analyse: [report, replay, metrics],
} as const;

const program = (new Command("knockctl") as TypedCommand)
  .version(`knockctl ${version} (knockd-ng)`, "-V, --version", "print the version")
  .helpOption("-h, --help", "print this help")
  .helpCommand(false)
  .exitOverride();
const groups = Object.entries(GROUPS).map(([heading, commands]) => {
  const before = program.commands.length;
  // Each command inherits exitOverride when it is made. The cast is for report.ts, which uses commander's own types.
  for (const command of commands) command(program as never);
  return [heading, program.commands.slice(before)] as const;
});
program.configureHelp({
  formatHelp: (_, helper) =>
    [
      "Usage: knockctl COMMAND [options]\n",
      paragraph("Set up a door, look at the running knockd, find out why a knock did not count."),
      ...groups.map(([heading, commands]) =>
        list(
          heading,
          commands.map((one) => [one.name(), one.summary()]),
        ),
      ),
      list(
        "Options",
        helper.visibleOptions(program).map((one) => [helper.optionTerm(one), one.description]),
      ),
      "Examples:\n  sudo knockctl init\n  sudo knockctl explain --last\n",
      paragraph(
        "knockctl COMMAND --help describes one command. Without a command, knockctl shows the status if a knockd is running.",
      ),
    ].join("\n"),
});

process.stdout.on("error", () => {}); // the reader has closed the pipe; the exit status still matters
void run(process.argv.slice(2));

async function run(words: readonly string[]): Promise<void> {
  try {
    const isStatus = words.length === 0 && (await isAnswered());
    await program.parseAsync(isStatus ? ["status"] : words, { from: "user" });
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error;
    process.exitCode = error.exitCode === COMMANDERS ? WRONG_COMMAND_LINE : error.exitCode;
  }
}
