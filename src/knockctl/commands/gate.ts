// knockctl gate: what knockd's own table in the kernel closes, and the console's way back in.

import { type Command, InvalidArgumentError } from "commander";
import { ConfigError } from "../../config/door.ts";
import { formatPorts, parseOpenedPorts } from "../../config/opening.ts";
import { NO_GATE } from "../../control/protocol.ts";
import type { OpenStatus, TableStatus } from "../../firewall/table-status.ts";
import { netlinkOwner } from "../../platform/socket-owner.ts";
import { duration } from "../../terminal/format.ts";
import { plural } from "../../terminal/plural.ts";
import { printableJson } from "../../terminal/printable.ts";
import { clean } from "../../terminal/style.ts";
import { table } from "../../terminal/table.ts";
import { ask, complain, STATUS } from "../request.ts";

const JSON_VERSION = 1;

const HELP = `
The gate is knockd's own table in the kernel (nft: "inet knockd"). It closes the
ports of doors with "open = ..." to clients that have not knocked.

Examples:
  sudo knockctl gate show            what is closed, and who may come in
  sudo knockctl gate show tcp/22     exit status 0 if this port is closed
  sudo knockctl gate open            let everybody in, with or without knockd
  sudo knockctl gate close           close the ports again

Exit status:
  0  done; of "show": the ports are closed
  1  of "show": a port is not closed; otherwise refused: the message says why
  2  the command line is wrong
  3  the kernel or knockd cannot be asked
`;

export function gate(program: Command): void {
  const command = program
    .command("gate")
    .summary("Show the gate, knockd's own table in the kernel; open or close it")
    .helpCommand(false)
    .addHelpText("after", HELP);
  command
    .command("show")
    .summary("Show which ports are closed, and who may come in")
    .argument("[ports]", "such as tcp/22: are they closed?", readPorts)
    .option("--json", "print JSON, one object per line")
    .action((ports: ReturnType<typeof readPorts> | undefined, options: { json?: true }) =>
      orRefused(() => show(ports, options)),
    );
  command
    .command("open")
    .summary("Let everybody in, until the gate is closed again")
    .action(() => orRefused(open));
  command
    .command("close")
    .summary("Close the ports to clients that have not knocked")
    .option("-c, --config <file>", "config file of knockd", "/etc/knockd.conf")
    .action(({ config }: { config: string }) => orRefused(() => close(config)));
}

async function orRefused(work: () => Promise<void>): Promise<void> {
  try {
    await work();
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    complain(error.message);
    process.exitCode = STATUS.unanswered;
  }
}

async function show(asked: ReturnType<typeof readPorts> | undefined, { json }: { json?: true }): Promise<void> {
  const { readTable } = await import("../../firewall/table-status.ts");
  const now = readTable();
  const owner = now?.owner === undefined ? undefined : netlinkOwner(now.owner);
  process.stdout.write(json ? jsonOf(now, owner) : tableText(now, owner));
  const isClosed = ({ protocol, low, high }: { protocol: string; low: number; high: number }) =>
    now?.guarded.some((one) => one.protocol === protocol && one.low <= low && high <= one.high);
  if (asked === undefined ? now === undefined : now?.mode !== "mark" && !asked.every(isClosed))
    process.exitCode = STATUS.no;
}

/** The daemon does it where one runs: nobody else may change a table that it owns. */
async function open(): Promise<void> {
  const { readTable, removeTable } = await import("../../firewall/table-status.ts");
  const before = readTable();
  if (before === undefined) return say("The gate is open: knockd has no table in this kernel.");
  if (before.mode === "mark") say("Firewall = mark: your own firewall closes the ports. Open them there.");
  const { isDone, troubles } = await byDaemon(false);
  if (isDone) {
    say(`The gate is open: ${opened(before)}. A reload or restart of knockd closes it again.`);
    return;
  }
  try {
    removeTable();
  } catch (error) {
    if (!(error instanceof ConfigError) || before.owner === undefined) throw error;
    const pid = netlinkOwner(before.owner);
    complain(
      `a process${pid === undefined ? "" : ` (${pid})`} owns the gate, and does not answer: ${troubles.join("; ")}`,
    );
    complain(
      `To open the gate: systemctl stop knockd${pid === undefined ? "" : ` (or kill -9 ${pid})`}; knockctl gate open`,
    );
    process.exitCode = STATUS.unanswered;
    return;
  }
  say(`The gate is open: ${opened(before)}. knockd does not run; when it starts, it closes the gate again.`);
}

async function close(config: string): Promise<void> {
  const { isDone } = await byDaemon(true);
  if (isDone) {
    const { readTable } = await import("../../firewall/table-status.ts");
    say(tableText(readTable(), undefined).split("\n", 1)[0]!);
    return;
  }
  const { buildGate } = await import("../../firewall/boot-gate.ts");
  say(buildGate(config));
  say("knockd does not run: no client can knock.");
}

/** By the daemon that owns it, whatever its config is. Throws ConfigError when it refuses. */
async function byDaemon(closed: boolean) {
  const { answers, troubles } = await ask("", "gate", { closed }, { changes: true, all: true });
  const lines = answers.flat();
  const isDone = lines.some(({ type }) => type === "gate");
  const [refusal] = lines.flatMap((line) => (line.type === "refused" ? [line.why] : []));
  if (!isDone && refusal !== undefined && refusal !== NO_GATE) throw new ConfigError(refusal);
  return { isDone, troubles };
}

function opened({ guarded }: TableStatus): string {
  return guarded.length === 0 ? "it closed no port" : `everybody can reach ${guarded.map(formatPorts).join(", ")}`;
}

function tableText(now: TableStatus | undefined, owner: number | undefined): string {
  if (now === undefined) return "knockd has no table in this kernel: it closes no port.\n";
  const { mode, guarded, allowed, open: clients } = now;
  const ports = guarded.map(formatPorts).join(", ");
  const closes =
    guarded.length === 0
      ? "The gate is open: it closes no port."
      : `The gate closes ${ports} to clients that have not knocked.`;
  const lines =
    mode === "gate"
      ? [closes, "It fails open: without this table the ports are open to everybody."]
      : [
          "knockd marks clients that have knocked; your own firewall decides.",
          "It fails closed: without this table nobody is marked.",
        ];
  const whose =
    now.owner === undefined
      ? "Table: inet knockd, owned by no process. Open ports close in their time."
      : `Table: inet knockd, owned by ${owner === undefined ? "a process" : `process ${owner}`}. To change it: knockctl.`;
  const lan = allowed.length === 0 ? [] : [`No knock needed from: ${allowed.join(", ")}`];
  return `${[...lines, whose, ...lan].join("\n")}\n\n${clientsText(clients)}`;
}

function clientsText(clients: readonly OpenStatus[]): string {
  if (clients.length === 0) return "No client may come in now.\n";
  const rows = clients.map(({ client, ports, door, left, uses }) => [
    client,
    formatPorts(ports),
    clean(door),
    left === undefined ? "when closed by hand" : duration(left),
    uses === 0 ? "not used" : plural(uses, "connection"),
  ]);
  const columns = ["CLIENT", "PORT", "DOOR", "CLOSES IN", "USED"].map((head) => ({ head }));
  return `${table(columns, rows)}\n`;
}

function jsonOf(now: TableStatus | undefined, owner: number | undefined): string {
  const lines =
    now === undefined
      ? [{ type: "gate", mode: null }]
      : [
          {
            type: "gate",
            mode: now.mode,
            closed: now.guarded.map(formatPorts),
            allowed: now.allowed,
            owned: now.owner !== undefined,
            pid: owner,
          },
          ...now.open.map(({ ports, left, ...one }) => ({
            ...{ type: "open", ...one, ports: formatPorts(ports) },
            left: left === undefined ? null : Math.round(left),
          })),
        ];
  return lines.map((one) => `${printableJson(JSON.stringify({ version: JSON_VERSION, ...one }))}\n`).join("");
}

function readPorts(text: string) {
  try {
    return parseOpenedPorts(text);
  } catch (error) {
    throw new InvalidArgumentError((error as Error).message);
  }
}

function say(line: string): void {
  process.stdout.write(`${line}\n`);
}
