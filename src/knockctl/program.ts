// The command beside the daemon: knockctl COMMAND, each in a file of commands/.

import { Command, CommanderError } from "commander";
import { version } from "../platform/version.ts";
import { check } from "./commands/check.ts";
import { doors } from "./commands/doors.ts";
import { explain } from "./commands/explain.ts";
import { init } from "./commands/init.ts";
import { close, extend, open } from "./commands/manual.ts";
import { metrics } from "./commands/metrics.ts";
import { replay } from "./commands/replay.ts";
import { report } from "./commands/report.ts";
import { selfTest } from "./commands/self-test.ts";
import { status } from "./commands/status.ts";
import { watch } from "./commands/watch.ts";

const USAGE_IS_WRONG = 2;
/** Its status for that; a command may have another. */
const COMMANDERS = 1;

const program = new Command("knockctl")
  .description("Asks the running knockd, sets one up, checks configs, and tells who was at the door.")
  .version(`knockctl ${version} (knockd-ng)`, "-V, --version")
  .helpCommand(false)
  .exitOverride();
const commands = [status, doors, open, close, extend, watch, explain, check, replay, metrics, report, selfTest, init];
for (const command of commands) command(program); // it inherits exitOverride when it is made

process.stdout.on("error", () => {}); // who reads has gone; the status still counts
void run();

async function run(): Promise<void> {
  try {
    await program.parseAsync();
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error;
    process.exitCode = error.exitCode === COMMANDERS ? USAGE_IS_WRONG : error.exitCode;
  }
}
