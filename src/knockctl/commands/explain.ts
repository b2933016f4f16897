// knockctl explain: why a knock did not count.

import type { Command } from "commander";
import type { Answer, Args, ExplanationAnswer, VerdictAnswer } from "../../control/protocol.ts";
import { parseAddress } from "../../net/address.ts";
import { plural } from "../../terminal/plural.ts";
import { clean, clock, paint } from "../../terminal/style.ts";
import { asking } from "../daemon-command.ts";
import { ask, STATUS, tell } from "../request.ts";
import { listen } from "../subscribe.ts";

const NOTHING_SEEN = 4;

const HELP = `
Tells of the last 32 packets that came from an address, and that some door may have
had to do with, what became of each, and in one sentence what to do about it. The
same again is counted. No port is shown, unless root asks for them with --secrets.

What the kernel does not let through to knockd can't be told of: other ports,
protocols and addresses than doors listen at, while nobody is in the middle of a
sequence. With --follow it lets through all that comes from that address, but what
belongs to connections, and each packet is told as it comes; after Ctrl-C comes
what else explain says. In a flood, not all that strangers do is written down.

Exit status:
  0  the last of it opened a door
  1  it did not: the last line says what to do
  2  the command line is wrong
  3  no knockd answers, or one of several does not, or you may not ask it: the
     line on standard error says what to do
  4  nothing was seen from there
`;

interface Options {
  readonly config: string;
  readonly last?: true;
  readonly follow?: true;
  readonly secrets?: true;
  readonly json?: true;
}

export function explain(program: Command): void {
  asking(program, "explain", "why did a knock not count?", HELP)
    .argument("[ip]", "the address that the knocks came from")
    .option("--last", "of who knocked last")
    .option("--follow", "then all that comes from there, as it comes, until Ctrl-C; for root")
    .option("--secrets", "the ports too, for root")
    .action(async (ip: string | undefined, options: Options, command: Command) => {
      const { config, last, follow, secrets, json } = options;
      if ((ip === undefined) === (last === undefined)) command.error("error: an IP address, or --last");
      if (ip !== undefined && parseAddress(ip) === undefined) command.error(`error: ${clean(ip)} is no IP address`);
      if (follow && ip === undefined) command.error("error: --follow wants an IP address");
      const args = { ...(last ? { last } : { ip }), ...(secrets ? { secrets } : {}) };
      if (follow) await followed(options, args);
      if (process.exitCode !== undefined) return;
      const asked = await ask(config, "explain", args, { changes: secrets ?? false });
      const isTold = (answer: Answer) => follow && answer.type === "verdict";
      const answers = tell(asked, json, (all) => words(all.filter((answer) => !isTold(answer))));
      const outcomes = answers.filter(isExplanation).map(({ outcome }) => outcome);
      if (process.exitCode !== undefined || outcomes.includes("opened")) return;
      process.exitCode = outcomes.includes("not opened") ? STATUS.no : NOTHING_SEEN;
    });
}

/** Until Ctrl-C. */
async function followed({ config, json }: Options, args: Args): Promise<void> {
  const ends: (() => void)[] = [];
  const stop = () => {
    for (const end of ends) end();
  };
  process.once("SIGINT", stop);
  process.stdout.once("error", stop); // who reads has gone
  const words = (answer: Answer) => (answer.type === "verdict" ? verdictWords(answer) : undefined);
  await listen(config, "follow", { args, changes: true, json, words }, (end) => ends.push(end));
  process.off("SIGINT", stop);
}

const isExplanation = (answer: Answer): answer is ExplanationAnswer => answer.type === "explanation";

/** Of several daemons, those that have seen something; or else one that has not. */
export function words(answers: readonly Answer[]): string {
  const seen = answers.filter((answer) => answer.type === "verdict").map(verdictWords);
  const all = answers.filter(isExplanation);
  const telling = all.filter(({ outcome }) => outcome !== "nothing seen");
  return [...seen, ...(telling.length > 0 ? telling : all.slice(0, 1)).map(explanationWords)].join("");
}

function verdictWords({ time, verdict, text, knock }: VerdictAnswer): string {
  const line = clean(knock === undefined ? text : `${text} [${knock}]`);
  const how = verdict === "open" ? "good" : verdict === "stage" || verdict === "held" ? undefined : "bad";
  return `${paint("soft", clock(new Date(time)))} ${how === undefined ? line : paint(how, line)}\n`;
}

function explanationWords({ ip, packets, outcome, advice, secondsSinceFlood }: ExplanationAnswer): string {
  const count = plural(packets, "packet");
  const flood =
    secondsSinceFlood === undefined ? "" : ` (a flood kept some from being written down ${secondsSinceFlood} s ago)`;
  const what = outcome === "nothing seen" ? "nothing seen" : `${count}, ${outcome}`;
  return clean(`${ip}: ${what}${flood}: ${advice}`).concat("\n");
}
