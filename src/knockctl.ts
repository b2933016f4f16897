#!/usr/bin/env node
// The command beside the daemon: knockctl COMMAND, each in its file in ctl/.

import "./platform/no-inspector.ts";
import { Command, CommanderError } from "commander";
import { close, extend, open } from "./ctl/by-hand.ts";
import { check } from "./ctl/check.ts";
import { doors } from "./ctl/doors.ts";
import { explain } from "./ctl/explain.ts";
import { init } from "./ctl/init.ts";
import { metrics } from "./ctl/metrics.ts";
import { replay } from "./ctl/replay.ts";
import { report } from "./ctl/report.ts";
import { selfTest } from "./ctl/self-test.ts";
import { status } from "./ctl/status.ts";
import { watch } from "./ctl/watch.ts";
import { version } from "./platform/version.ts";

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
try {
  await program.parseAsync();
} catch (error) {
  if (!(error instanceof CommanderError)) throw error;
  process.exitCode = error.exitCode === COMMANDERS ? USAGE_IS_WRONG : error.exitCode;
}
