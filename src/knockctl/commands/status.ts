// knockctl status: how the daemon is.

import type { Command } from "commander";
import type { Answer } from "../../control/protocol.ts";
import { duration, localTime, plural } from "../../terminal/format.ts";
import { clean, paint } from "../../terminal/style.ts";
import { asking } from "../daemon-command.ts";
import { doesNotHear, type InterfaceAnswer } from "../hearing.ts";
import { ask, STATUS, tell } from "../request.ts";
import { doorLines } from "./doors.ts";

const HELP = `
How each knockd is that runs with this config: since when; its interfaces and
addresses, and whether it hears there, by its last self-test (it makes one each
minute); packets that the kernel's filter let through since an interface was
opened, and how many of them were lost; its doors, live attempts, open doors and
when they close; whether the ports are closed that knockctl init closed; its last twenty warnings and errors. No port is shown, unless
root asks for secrets.

Exit status:
  0  it hears wherever it can
  1  it is deaf somewhere, or hears nowhere, a port is open that knockctl init closed,
     or you may not see secrets: the line says so
  2  the command line is wrong
  3  no knockd answers, or one of several does not, or you may not ask it
`;

export function status(program: Command): void {
  asking(program, "status", "how the running knockd is", HELP)
    .option("--secrets", "show also the sequences and commands (root only)")
    .action(async ({ config, json, secrets }: { config: string; json?: true; secrets?: true }) => {
      const args = secrets ? { secrets } : {};
      const asked = await ask(config, "status", args, { changes: secrets ?? false });
      tell(asked, json, () => asked.answers.map((one) => statusText(one)).join("\n"));
      if (doesNotHear(asked.answers)) process.exitCode = STATUS.no;
      const { guardsHere, guardText } = await import("../../setup/guards.ts");
      for (const guard of guardsHere()) {
        if (!json) process.stdout.write(`${guardText(guard, asked.answers.length > 0)}\n`);
        if (guard.isClosed === false) process.exitCode ??= STATUS.no;
      }
    });
}

/** Of one daemon. */
export function statusText(answers: readonly Answer[], now = Date.now()): string {
  const of = <T extends Answer["type"]>(type: T) =>
    answers.filter((answer): answer is Extract<Answer, { type: T }> => answer.type === type);
  const [daemon] = of("daemon");
  const [status] = of("status");
  if (daemon === undefined || status === undefined) return "";
  const ago = (iso: string) => duration(Math.max(0, now - Date.parse(iso)) / 1000);
  const { stages, opens, timeouts, scans, commandsFailed } = status.counts;
  const troubles = of("trouble");
  const lines = [
    `knockd ${daemon.knockd}, process ${daemon.pid}, since ${localTime(status.since)} (${ago(status.since)})`,
    ...of("interface").map((one) => interfaceText(one, ago)),
    `${plural(status.doors, "door")}, ${plural(status.live, "live attempt")}, ${status.open} open`,
    ...answers.flatMap(doorLines).map((line) => `  ${line}`),
    `so far: ${plural(stages, "stage")}, ${plural(opens, "opening")}, ${plural(timeouts, "timeout")}, ` +
      `${plural(scans, "scan")}, ${plural(commandsFailed, "failed command")}`,
    ...(troubles.length === 0 ? [] : ["warnings and errors of late:"]),
    ...troubles.map(({ time, line }) => `  ${paint("soft", localTime(time))} ${paint("bad", clean(line))}`),
  ];
  return lines.map((line) => `${line}\n`).join("");
}

function interfaceText(one: InterfaceAnswer, ago: (iso: string) => string): string {
  const { interface: name, state, addresses, why, packets, filter, tested, tried } = one;
  const parts = [
    `${state}${addresses.length === 0 ? "" : ` at ${addresses.join(", ")}`}${why === undefined ? "" : `: ${why}`}`,
    ...(tested === undefined ? [] : [`${plural(tried, "knock")} tried ${ago(tested)} ago`]),
    ...(packets === undefined ? [] : [`${plural(packets.seen, "packet")} seen, ${packets.dropped} dropped`]),
    ...(filter === undefined ? [] : [`a filter of ${plural(filter, "instruction")}`]),
  ];
  const text = clean(`${name}: ${parts.join("; ")}`);
  return state === "hears" ? text : paint(state === "deaf" ? "bad" : "soft", text);
}
