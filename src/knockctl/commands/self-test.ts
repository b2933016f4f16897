// knockctl self-test: does the daemon receive the packets of every interface?

import type { Command } from "@commander-js/extra-typings";
import type { Answer } from "../../control/protocol.ts";
import { plural } from "../../terminal/plural.ts";
import { asking, type Help } from "../daemon-command.ts";
import { type InterfaceAnswer, isDeaf, isInterface } from "../interface-answers.ts";
import { headline, interfaceTable } from "../interface-table.ts";
import { ask, STATUS, tell } from "../request.ts";

const HELP: Help = {
  summary: "Test whether knockd receives every knock of every door",
  about: `
knockd builds a frame in memory for each knock of each door, at each address of each interface, and
runs it through the filter that the kernel uses. Nothing goes onto the wire. knockd repairs a deaf
interface first, if it can. An interface that does not exist, is down or has no address is
"waiting". That is an error only if all interfaces are waiting.`,
  examples: ["sudo knockctl self-test"],
  statuses: [
    [0, "knockd listens on every interface that is up"],
    [1, "knockd is deaf on an interface, or waits for all of them"],
    [2, "wrong command line"],
    [3, "no knockd answers, or you may not ask it"],
  ],
};

export function selfTest(program: Command): void {
  asking(program, "self-test", HELP).action(async ({ config, json }) => {
    const asked = await ask(config, "self-test");
    tell(asked, json, () => asked.answers.map(selfTestText).join("\n"));
    if (isDeaf(asked.answers)) process.exitCode = STATUS.no;
  });
}

/** The text for one daemon. */
export function selfTestText(answers: readonly Answer[]): string {
  const daemon = answers.find((answer) => answer.type === "daemon");
  const interfaces: readonly InterfaceAnswer[] = answers.filter(isInterface);
  if (daemon === undefined || interfaces.length === 0) return "";
  const tried = interfaces.reduce((sum, one) => sum + one.tried, 0);
  const tested = ` (pid ${daemon.pid}, self-test of ${plural(tried, "knock")})`;
  return `${headline(`knockd ${daemon.knockd}`, interfaces, tested)}\n${interfaceTable(interfaces)}`;
}
