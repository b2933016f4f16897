// knockctl client try: would this code count now, and if not, why? It opens nothing and does not use up the code.

import type { Command } from "@commander-js/extra-typings";
import { blockSize, type Client } from "../../codes/client.ts";
import { groupsOf } from "../../codes/client-checks.ts";
import { CodeGroup } from "../../codes/decision.ts";
import { digitPlaces, placesNumber } from "../../codes/derive.ts";
import { codePolicy } from "../../config/code-doors.ts";
import type { CodeDecision } from "../../events/code-decision.ts";
import { parseAddress } from "../../net/address.ts";
import { duration, localTime } from "../../terminal/format.ts";
import { attempt, clientCommand } from "../client-command.ts";
import { clientOf, doorWithClients, readClientConfig } from "../client-config.ts";
import { statesOf } from "../client-uses.ts";
import type { Help } from "../help.ts";
import { STATUS } from "../request.ts";

const TRY: Help = {
  summary: "Tell whether a code would open the door now, and if not, why",
  about: `
Compares a code with those that count now, by this machine's clock and the record of used codes. It
opens nothing, and the code still counts afterwards. Without --source it ignores From in the clients
file.`,
  examples: ["sudo knockctl client try phone 492039"],
  statuses: [
    [0, "it would open"],
    [1, "it would not: the line says why"],
    [2, "wrong command line"],
  ],
};

export function tryCode(group: Command): void {
  clientCommand(group, "try", TRY)
    .argument("<name>", "the client")
    .argument("<code>", "six or eight digits")
    .option("--source <ip>", "as if the knock came from this address")
    .action((name, code, { config, source }) =>
      attempt(() => {
        const found = readClientConfig(config);
        const client = clientOf(found, name);
        const digits = code.replace(/[\s-]/g, "");
        if (client.kind === "key") throw new Error(`${name} is a key: it has no code to type`);
        if (!/^\d+$/.test(digits) || digits.length !== client.digits)
          throw new Error(`the code of ${name} has ${client.digits} digits`);
        const address = parseAddress(source ?? "192.0.2.1");
        if (address === undefined) throw new Error(`"${source}" is not an IP address`);
        const asked: Client = source === undefined ? { ...client, from: [] } : client;
        const door = doorWithClients(found, client.door);
        const [group] = groupsOf([asked]);
        const decider = new CodeGroup(group!, codePolicy(door, group!), statesOf(found));
        const guess = placesNumber(digitPlaces(Number(digits), client.digits), blockSize(client));
        const decision = decider.decide(guess, address, { now: performance.now(), wall: Date.now() });
        process.stdout.write(`${sentence(name, decision)}\n`);
        if (decision.result !== "accepted") process.exitCode = STATUS.no;
      }),
    );
}

function sentence(name: string, decision: CodeDecision): string {
  switch (decision.result) {
    case "accepted":
      return `The code of ${name} would open the door now.`;
    case "first":
      return "The code is right. After many wrong codes knockd needs two in a row: knock with this one and with the next.";
    case "contested":
      return `The code is right, but ${decision.other} claims it at this moment.`;
    case "replay":
    case "repeat":
      return "The code is right but was already used. Each code counts once: wait for the next one.";
    case "clock":
      return decision.seconds > 0
        ? `The code is ${duration(decision.seconds)} old. Check the clocks: this machine has ${localTime(new Date().toISOString())}.`
        : `The code is for a time ${duration(-decision.seconds)} from now. Check the clocks: this machine has ${localTime(new Date().toISOString())}.`;
    case "refused":
      return `The code is right. ${REASONS[decision.why]}`;
    case "busy":
    case "wrong":
      return `It is not a code of ${name} at this moment.`;
  }
}

const REASONS = {
  from: "The client may not knock from this address.",
  hours: "The client may not knock at this hour.",
  expires: "The client has expired.",
  recent: "knockd lost its record of used codes: wait a minute for a new code.",
  ahead: "A later code was used while a clock was ahead: run knockctl client reset.",
  list: "knockd lost its record of used codes: run knockctl client reset.",
} as const;
