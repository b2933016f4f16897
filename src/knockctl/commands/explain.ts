// knockctl explain: why a knock did not count.

import type { Command } from "@commander-js/extra-typings";
import type { Answer, Args, ExplanationAnswer } from "../../control/protocol.ts";
import { parseAddress } from "../../net/address.ts";
import { clean } from "../../terminal/style.ts";
import { type AskingOptions, asking, type Help } from "../daemon-command.ts";
import { conclusion, explanationText, verdictRow, verdictTable } from "../explanation-text.ts";
import { ask, STATUS, tell } from "../request.ts";
import { listen } from "../subscribe.ts";

const NOTHING_SEEN = 4;

const HELP: Help = {
  summary: "Show why a knock did not count, and what to do",
  about: `
Lists the last 32 packets from an address that had to do with a door, and what became of each.
Equal packets in a row are one line with a count. No port is shown without --secrets.

knockd sees only what the kernel's filter passes: the ports of the doors, and all other ports of an
address while it has a live attempt. With --follow the filter passes everything from that address
except the packets of connections. explain prints each packet as it arrives, and the explanation
after Ctrl-C. In a flood knockd does not record everything that unknown addresses send.`,
  examples: ["sudo knockctl explain --last", "sudo knockctl explain 192.0.2.7 --follow"],
  statuses: [
    [0, "the last try opened a door"],
    [1, "it did not, or explain was refused"],
    [2, "wrong command line"],
    [3, "no knockd answers, or you may not ask it"],
    [4, "nothing was seen from this address"],
  ],
};

export function explain(program: Command): void {
  asking(program, "explain", HELP)
    .argument("[ip]", "the client's address")
    .option("--last", "explain the address that knocked last")
    .option("--follow", "show every packet from this address, until Ctrl-C (root only)")
    .option("--secrets", "also show the ports (root only)")
    .action(async (ip, options, command) => {
      const { config, last, follow, secrets, json } = options;
      if ((ip === undefined) === (last === undefined)) command.error("error: give either an IP address or --last");
      if (ip !== undefined && parseAddress(ip) === undefined)
        command.error(`error: "${clean(ip)}" is not an IP address`);
      if (follow && ip === undefined) command.error("error: --follow needs an IP address");
      const args = { ...(last ? { last } : { ip }), ...(secrets ? { secrets } : {}) };
      if (follow) await followed(options, args);
      if (process.exitCode !== undefined) return;
      const asked = await ask(config, "explain", args, { changes: secrets ?? false });
      const answers = tell(asked, json, (all) => (follow ? `\n${conclusion(all)}` : explanationText(all)));
      const outcomes = answers.filter(isExplanation).map(({ outcome }) => outcome);
      if (process.exitCode !== undefined || outcomes.includes("opened")) return;
      process.exitCode = outcomes.includes("not opened") ? STATUS.no : NOTHING_SEEN;
    });
}

/** Shows packets until Ctrl-C. */
async function followed({ config, json, secrets }: AskingOptions & { secrets?: true }, args: Args): Promise<void> {
  const ends: (() => void)[] = [];
  const stop = () => {
    for (const end of ends) end();
  };
  process.once("SIGINT", stop);
  process.stdout.once("error", stop); // the reader has closed the pipe
  const stream = verdictTable(secrets ?? false);
  const words = (answer: Answer) =>
    answer.type === "verdict" ? stream.row(verdictRow(answer, secrets ?? false)) : undefined;
  await listen(config, "follow", { args, changes: true, json, words }, (end) => ends.push(end));
  process.off("SIGINT", stop);
}

const isExplanation = (answer: Answer): answer is ExplanationAnswer => answer.type === "explanation";
