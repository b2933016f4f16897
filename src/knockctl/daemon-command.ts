// What all commands that ask the daemons of a config have in common.

import type { Command } from "@commander-js/extra-typings";
import { type Help, withHelp } from "./help.ts";
import { DEFAULT_CONFIG } from "./request.ts";

export type { Help };

/** `name`: the command with its arguments, in commander's syntax. */
export function asking(program: Command, name: string, help: Help) {
  return withHelp(program.command(name), help)
    .option("-c, --config <file>", "the config of knockd", DEFAULT_CONFIG)
    .option("--json", "print the daemon's answers, one JSON object per line");
}

export type AskingOptions = ReturnType<ReturnType<typeof asking>["opts"]>;
