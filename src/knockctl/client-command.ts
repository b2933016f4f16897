// What the commands of `knockctl client` have in common.

import { hostname } from "node:os";
import type { Command } from "@commander-js/extra-typings";
import { ClientsError } from "../codes/client-sections.ts";
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

/**
 * Makes the daemons of this config read it again. Returns a message for the user. If a daemon keeps its old config, prints
 * on standard error that it does, why, and what this means (`keeps`), and sets the exit status.
 */
export async function reload(config: string, keeps: string): Promise<string> {
  const { answers } = await ask(config, "reload", {}, { changes: true });
  const refusals = answers.flat().flatMap((answer) => (answer.type === "refused" ? [answer.why] : []));
  if (answers.length === 0) return "No knockd runs with this config now. Start it: sudo systemctl start knockd";
  if (answers.flat().some(({ type }) => type === "reloading")) return "knockd is still reading its config.";
  if (refusals.length === 0) return "knockd has read its config again.";
  for (const why of refusals) complain(`${keeps}: ${why}\nCorrect that. Then: sudo systemctl reload knockd`);
  process.exitCode = STATUS.no;
  return "knockd keeps its old config.";
}
