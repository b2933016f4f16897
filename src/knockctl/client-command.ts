// What the commands of `knockctl client` have in common.

import { hostname } from "node:os";
import type { Command } from "@commander-js/extra-typings";
import { ClientsError } from "../codes/clients-file.ts";
import { ConfigError } from "../config/door.ts";
import { type Help, withHelp } from "./help.ts";
import { ask, complain, DEFAULT_CONFIG, STATUS } from "./request.ts";

export const STATUSES = [
  [0, "done"],
  [1, "not done: the line on standard error says why"],
  [2, "wrong command line"],
] as const;

export function clientCommand(group: Command, name: string, help: Help) {
  return withHelp(group.command(name), help).option(
    "-c, --config <file>",
    "the config that knockd runs with",
    DEFAULT_CONFIG,
  );
}

/** Runs a command. Prints an error that the user can fix on standard error, and sets the exit status. */
export async function attempt(work: () => unknown): Promise<void> {
  try {
    await work();
  } catch (error) {
    const isUsers =
      error instanceof ClientsError || error instanceof ConfigError || (error as object).constructor === Error;
    if (!isUsers) throw error;
    complain((error as Error).message);
    process.exitCode = STATUS.no;
  }
}

/** The name by which others reach this machine, unless `--host` names another. */
export const defaultHost = (): string => hostname();

/** Makes the daemons of this config read it again. Returns a message for the user. */
export async function reload(config: string): Promise<string> {
  const { answers } = await ask(config, "status");
  const pids = answers.flat().flatMap((answer) => (answer.type === "daemon" ? [answer.pid] : []));
  for (const pid of pids) process.kill(pid, "SIGHUP");
  return pids.length > 0
    ? "knockd reads its config again."
    : "No knockd runs with this config now. Start it: sudo systemctl start knockd";
}
