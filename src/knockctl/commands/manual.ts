// knockctl open, close and extend: by hand what a knock and its time do.

import { type Command, InvalidArgumentError } from "commander";
import type { Answer, Args } from "../../control/protocol.ts";
import { parseAddress } from "../../net/address.ts";
import { duration } from "../../terminal/format.ts";
import { clean } from "../../terminal/style.ts";
import { asking } from "../daemon-command.ts";
import { type AskOptions, ask, STATUS, tell } from "../request.ts";

const statuses = (line: string) => `
For root only. It is logged ("192.0.2.1: openSSH: ${line} by hand").

Exit status:
  0  done
  1  refused, or its command has failed: the line says why
  2  the command line is wrong
  3  no knockd answers, or one of several does not, or you may not ask it
`;

const OPEN = `
Opens a door for an address as a knock would: runs its start command, and its stop
command in its time. No knock is needed, no one-time sequence used, and
Seq_Cooldown does not count. Of several daemons with this config, one does it.
${statuses("opened")}`;

const CLOSE = `
Closes a door that is open for an address now: runs its stop command, as its time
would. A door without a stop command is nothing that knockd can close.
${statuses("closed")}`;

const EXTEND = `
Has a door that is open for an address closed so many seconds later than it would
be. A restart that keeps doors (On_Exit = keep), and a crash, do not change that.
${statuses("extended by 60 seconds")}`;

interface Options {
  readonly config: string;
  readonly json?: true;
}

export function open(program: Command): void {
  subcommand(program, "open", "open a door by hand", OPEN).action(
    async (door: string, ip: string, { config, json }: Options) => {
      await act(config, json, "open", { door, ip }, { changes: true, one: true });
    },
  );
}

export function close(program: Command): void {
  subcommand(program, "close", "close an open door by hand", CLOSE).action(
    async (door: string, ip: string, { config, json }: Options) => {
      await act(config, json, "close", { door, ip }, { changes: true });
    },
  );
}

export function extend(program: Command): void {
  subcommand(program, "extend", "close an open door later", EXTEND)
    .argument("<seconds>", "so much later", readSeconds)
    .action(async (door: string, ip: string, seconds: number, { config, json }: Options) => {
      await act(config, json, "extend", { door, ip, seconds }, { changes: true });
    });
}

function subcommand(program: Command, name: string, summary: string, help: string): Command {
  return asking(program, name, summary, help)
    .argument("<door>", "its name in the config")
    .argument("<ip>", "for whom", readAddress);
}

async function act(
  config: string,
  json: true | undefined,
  command: string,
  args: Args,
  options: AskOptions,
): Promise<void> {
  const asked = await ask(config, command, args, options);
  // Of several daemons the one that has it open does it; the others' word does not count then.
  const did = asked.answers.filter((answers) => !answers.some(({ type }) => type === "refused"));
  const heard = did.length > 0 ? did : asked.answers.slice(0, 1);
  const answers = tell({ ...asked, answers: heard }, json, (lines) => lines.flatMap(words).join(""));
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
      const what = command === "runs" ? "has not ended yet" : command === "ended" ? `returned ${status}` : command;
      return [`${clean(`${door}: the ${which} command for ${ip} ${what}`)}\n`];
    }
    case "extended":
      return [`${clean(`${answer.door}: open for ${answer.ip}, closes in ${duration(answer.left)}`)}\n`];
    default:
      return [];
  }
}

function readAddress(text: string): string {
  if (parseAddress(text) === undefined) throw new InvalidArgumentError("It is not an address.");
  return text;
}

function readSeconds(text: string): number {
  if (!/^\d+(\.\d+)?$/.test(text) || Number(text) === 0) throw new InvalidArgumentError("It is no number above 0.");
  return Number(text);
}
