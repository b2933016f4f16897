// knockctl status: whether the daemon is listening, its doors, and the clients for whom one is open.

import type { Command } from "@commander-js/extra-typings";
import type { Answer } from "../../control/protocol.ts";
import { duration, localTime, plural } from "../../terminal/format.ts";
import { paragraph } from "../../terminal/paragraph.ts";
import { clean, paint } from "../../terminal/style.ts";
import { table } from "../../terminal/table.ts";
import { asking, type Help } from "../daemon-command.ts";
import { doorTable, secretLines } from "../door-table.ts";
import { isDeaf, isInterface } from "../interface-answers.ts";
import { headline, interfaceTable } from "../interface-table.ts";
import { ask, STATUS, tell } from "../request.ts";

/** A screen has 24 lines. `knockctl doors` and the log show the rest. */
const MAX_DOORS = 20;
const MAX_OPEN = 5;
const MAX_WARNINGS = 5;
const MAX_UNCOVERED = 4;

const HELP: Help = {
  summary: "Show whether knockd is listening, its doors, and for whom they are open",
  about: `
The first line says whether knockd is listening, and why not. HEARS is the result of the last
self-test: knockd runs one every minute, with frames of its own that never leave the machine.
PACKETS is what the kernel's filter passed since the interface was opened; DROPPED is what was lost
because knockd was too slow. A door without a stop command stays open: knockd does not know for whom.
Root also sees whether the ports of doors with "open = ..." are really closed.`,
  examples: ["sudo knockctl status", "sudo knockctl status --json | jq ."],
  statuses: [
    [0, "knockd listens on every interface that is up"],
    [1, "knockd is deaf on an interface, waits for all of them, or a port that should be closed is open"],
    [2, "wrong command line"],
    [3, "no knockd answers, or you may not ask it"],
  ],
};

export function status(program: Command): void {
  asking(program, "status", HELP)
    .option("--secrets", "also show sequences and commands (root only)")
    .action(async ({ config, json, secrets }) => {
      const args = secrets ? { secrets } : {};
      const asked = await ask(config, "status", args, { changes: secrets ?? false });
      const { guardLines, guardsHere } = await import("../../setup/guards.ts");
      const guards = guardLines(await guardsHere(config), asked.answers.length > 0);
      const [open, others] = [guards.filter(({ isOpen }) => isOpen), guards.filter(({ isOpen }) => !isOpen)];
      // Most important: a port that everyone can reach. If no knockd answers, `tell` says so on standard error.
      if (!json) process.stdout.write(open.map(({ text }) => lineOf(text, "bad")).join(""));
      if (!json && open.length > 0 && asked.answers.length > 0) process.stdout.write("\n");
      tell(asked, json, () => asked.answers.map((one) => statusText(one)).join("\n"));
      if (!json && others.length > 0) process.stdout.write(`\n${others.map(({ text }) => lineOf(text)).join("")}`);
      if (isDeaf(asked.answers)) process.exitCode = STATUS.no;
      if (open.length > 0) process.exitCode ??= STATUS.no;
    });
}

/** Wrapped for a terminal only: a script needs one line. */
function lineOf(text: string, how?: "bad"): string {
  const painted = how === undefined ? text : paint(how, text);
  return process.stdout.isTTY ? paragraph(painted) : `${painted}\n`;
}

/** The text for one daemon. */
export function statusText(answers: readonly Answer[], now = Date.now()): string {
  const daemon = answers.find((answer) => answer.type === "daemon");
  const status = answers.find((answer) => answer.type === "status");
  if (daemon === undefined || status === undefined) return "";
  const interfaces = answers.filter(isInterface);
  const up = duration(Math.max(0, now - Date.parse(status.since)) / 1000);
  const doors = doorTable(answers, { mostDoors: MAX_DOORS, mostOpen: MAX_OPEN });
  const blocks = [
    headline(`knockd ${daemon.knockd}`, interfaces, ` (pid ${daemon.pid}, up ${up})`),
    (interfaces.length === 0 ? "" : interfaceTable(interfaces, now)) + uncoveredText(answers),
    doors || "No doors.\n",
    secretLines(answers).trimStart(),
    countsText(status),
    warningsText(answers),
  ];
  return blocks.filter((block) => block !== "").join("\n");
}

/** A single sentence, because a host with containers has many such addresses. */
function uncoveredText(answers: readonly Answer[]): string {
  const all = answers
    .filter((answer) => answer.type === "unheard")
    .flatMap(({ interface: name, addresses }) => addresses.map((address) => `${address} (${name})`));
  if (all.length === 0) return "";
  const others = all.length - MAX_UNCOVERED;
  const where =
    clean(all.slice(0, MAX_UNCOVERED).join(", ")) + (others > 0 ? ` and ${plural(others, "other address")}` : "");
  return `\n${paragraph(paint("soft", `No door receives knocks at ${where}. To receive them: Interface = any, or a Target`))}`;
}

function countsText({ live, counts, clockSet }: Extract<Answer, { type: "status" }>): string {
  const { opens, timeouts, scans, commandsFailed } = counts;
  const failed = plural(commandsFailed, "failed command");
  const sinceStart = [plural(opens, "opening"), plural(timeouts, "timeout"), plural(scans, "scan")].join(", ");
  return [
    `Since start: ${sinceStart}, ${commandsFailed > 0 ? paint("bad", failed) : failed}\n`,
    ...(clockSet === false
      ? [`${paint("warn", "The clock of this host is not synchronised, and codes depend on the time.")}\n`]
      : []),
    ...(live > 0 ? [`Now: ${plural(live, "live attempt")}\n`] : []),
  ].join("");
}

/** The latest warnings, oldest first. */
function warningsText(answers: readonly Answer[]): string {
  const all = answers.filter((answer) => answer.type === "trouble");
  if (all.length === 0) return "";
  const rows = all.slice(-MAX_WARNINGS).map(({ time, line }) => [paint("soft", localTime(time)), clean(line)]);
  const earlier = all.length - rows.length;
  const more = earlier > 0 ? `and ${plural(earlier, "earlier one")}: see the log, or status --json\n` : "";
  return table([{ head: "TIME" }, { head: "RECENT WARNINGS AND ERRORS", narrow: "cut" }], rows) + more;
}
