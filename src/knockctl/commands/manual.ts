// knockctl open, close and extend: do by hand what a knock and its timeout do.

import type { Command } from "@commander-js/extra-typings";
import { InvalidArgumentError } from "commander";
import type { Answer, Args } from "../../control/protocol.ts";
import { parseAddress } from "../../net/address.ts";
import { duration } from "../../terminal/format.ts";
import { clean } from "../../terminal/style.ts";
import { asking, type Help } from "../daemon-command.ts";
import { type AskOptions, ask, STATUS, tell } from "../request.ts";

const STATUSES = [
  [0, "done"],
  [1, "refused, or the command failed"],
  [2, "wrong command line"],
  [3, "no knockd answers, or you may not ask it"],
] as const;

const OPEN: Help = {
  summary: "Open a door for an address, as if it had knocked",
  about: `
knockd runs the door's start command now and its stop command when the time is over. A door with
"open = ..." is opened and closed by the kernel. No one-time sequence is used up, and Seq_Cooldown does
not apply. knockd refuses addresses that no client can have: its own, multicast and broadcast. Root
only. knockd logs "opened by hand".`,
  examples: ["sudo knockctl open openSSH 192.0.2.7"],
  statuses: STATUSES,
};

const CLOSE: Help = {
  summary: "Close a door now that is open for an address",
  about: `
knockd runs the door's stop command now. A door with "open = ..." is closed by the kernel. knockd cannot
close a door that has neither. Root only. knockd logs "closed by hand".`,
  examples: ["sudo knockctl close openSSH 192.0.2.7"],
  statuses: STATUSES,
};

const EXTEND: Help = {
  summary: "Keep a door open for longer",
  about: `
knockd closes the door this many seconds later than planned. The new time survives a crash and a
restart with On_Exit = keep. Root only. knockd logs "extended by 60 seconds by hand".`,
  examples: ["sudo knockctl extend openSSH 192.0.2.7 600"],
  statuses: STATUSES,
};

export function open(program: Command): void {
  subcommand(program, "open", OPEN).action(async (door, ip, given) => {
    await act(given, "open", { door, ip }, { changes: true, one: true });
  });
}

export function close(program: Command): void {
  subcommand(program, "close", CLOSE).action(async (door, ip, given) => {
    await act(given, "close", { door, ip }, { changes: true });
  });
}

export function extend(program: Command): void {
  subcommand(program, "extend", EXTEND)
    .argument("<seconds>", "how much longer", readSeconds)
    .action(async (door, ip, seconds, given) => {
      await act(given, "extend", { door, ip, seconds }, { changes: true });
    });
}

function subcommand(program: Command, name: string, help: Help) {
  return asking(program, name, help)
    .argument("<door>", "the door's name in the config")
    .argument("<ip>", "the client's address", readAddress);
}

async function act(
  { config, json }: { readonly config: string; readonly json?: true },
  command: string,
  args: Args,
  options: AskOptions,
): Promise<void> {
  const asked = await ask(config, command, args, options);
  // Of several daemons, only the one that has the door open can do it. Then the refusals of the others do not matter.
  const did = asked.answers.filter((answers) => !answers.some(({ type }) => type === "refused"));
  const relevant = did.length > 0 ? did : asked.answers.slice(0, 1);
  const answers = tell({ ...asked, answers: relevant }, json, (lines) => lines.flatMap(words).join(""));
  if (answers.some((answer) => "command" in answer && !went(answer))) process.exitCode = STATUS.no;
}

type Done = Extract<Answer, { type: "opened" | "closed" }>;

function went({ command, status }: Done): boolean {
  return command === "runs" || status === 0;
}

function words(answer: Answer): string[] {
  switch (answer.type) {
    case "opened":
    case "closed": {
      const { type, door, ip, command, status } = answer;
      const which = type === "opened" ? "start" : "stop";
      if (status === 0) return [`${clean(`${door}: ${type} for ${ip}`)}\n`];
      const what = command === "runs" ? "is still running" : command === "ended" ? `returned ${status}` : command;
      return [`${clean(`${door}: the ${which} command for ${ip} ${what}`)}\n`];
    }
    case "extended":
      return [`${clean(`${answer.door}: open for ${answer.ip}, closes in ${duration(answer.left)}`)}\n`];
    default:
      return [];
  }
}

function readAddress(text: string): string {
  if (parseAddress(text) === undefined) throw new InvalidArgumentError("It is not an IP address.");
  return text;
}

function readSeconds(text: string): number {
  if (!/^\d+(\.\d+)?$/.test(text) || Number(text) === 0) throw new InvalidArgumentError("It is not a number above 0.");
  return Number(text);
}
