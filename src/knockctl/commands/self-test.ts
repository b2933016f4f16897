// knockctl self-test: does the daemon hear?

import type { Command } from "commander";
import type { Answer } from "../../control/protocol.ts";
import type { InterfaceStatus } from "../../events/interface-status.ts";
import { clean } from "../../terminal/style.ts";
import { asking } from "../daemon-command.ts";
import { doesNotHear, isInterface } from "../hearing.ts";
import { ask, STATUS, tell } from "../request.ts";

const HELP = `
Has each knockd that runs with this config try now, at each of its interfaces,
whether it would hear every knock of every door, at each of its addresses: with
frames made in memory, run through the very filter that the kernel holds. Nothing
goes onto the wire, and no port is shown. What is found deaf is mended first,
where that is possible.

An interface that is not there, is down or has no address yet is "waiting". That
is an error only when no interface hears.

Exit status:
  0  it hears wherever it can
  1  it is deaf somewhere, or hears nowhere: the line says where and why
  2  the command line is wrong
  3  no knockd answers, or one of several does not, or you may not ask it: the
     line on standard error says what to do
`;

export function selfTest(program: Command): void {
  asking(program, "self-test", "does the running knockd hear?", HELP).action(
    async ({ config, json }: { config: string; json?: true }) => {
      const words = (answers: readonly Answer[]) => answers.filter(isInterface).map(interfaceLine).join("");
      const asked = await ask(config, "self-test");
      tell(asked, json, words);
      if (doesNotHear(asked.answers)) process.exitCode = STATUS.no;
    },
  );
}

/** `eth0: hears: 12 knocks tried at 10.0.0.1, fd00::1` */
export function interfaceLine(report: InterfaceStatus): string {
  const { interface: name, state, addresses, tried, why } = report;
  const at = addresses.length > 0 ? ` at ${addresses.join(", ")}` : "";
  const what = why ?? `${tried} ${tried === 1 ? "knock" : "knocks"} tried${at}`;
  return `${clean(`${name}: ${state}: ${what}`)}\n`;
}
