// knockctl gate: shows knockd's own table in the kernel, closes it, or opens it from a console.

import { type Command, InvalidArgumentError } from "commander";
import { ConfigError } from "../../config/door.ts";
import { formatPorts, parseOpenedPorts } from "../../config/opening.ts";
import { NO_GATE } from "../../control/protocol.ts";
import type { OpenStatus, TableStatus } from "../../firewall/table-status.ts";
import { configIdentity, TRIAL_CONFIG } from "../../platform/config-identity.ts";
import { netlinkOwner } from "../../platform/socket-owner.ts";
import { duration } from "../../terminal/format.ts";
import { plural } from "../../terminal/plural.ts";
import { printableJson } from "../../terminal/printable.ts";
import { clean } from "../../terminal/style.ts";
import { table } from "../../terminal/table.ts";
import { type GroupHelp, type Help, withGroupHelp, withHelp } from "../help.ts";
import { ask, complain, STATUS } from "../request.ts";

const JSON_VERSION = 1;

const GATE: GroupHelp = {
  summary: "Show the gate, knockd's own table in the kernel; open or close it",
  about: `
The gate closes the ports of doors with "open = ..." to clients that have not knocked. nft shows it as
the table "inet knockd". These commands work without a running knockd too.`,
  examples: ["sudo knockctl gate show", "sudo knockctl gate open"],
};

const UNANSWERED = [3, "the kernel or knockd does not answer, or refuses: standard error says why"] as const;
const WRONG_LINE = [2, "wrong command line"] as const;

const SHOW: Help = {
  summary: "Show which ports are closed, and who may come in",
  about: `
Lists the ports that the gate closes, the networks that need no knock, the process that owns the table,
and the clients that may come in, with the time that is left. With PORTS, the exit status says whether
these ports are closed. With Firewall = mark your own firewall closes them, and the status is 0. Root only.`,
  examples: ["sudo knockctl gate show", "sudo knockctl gate show tcp/22"],
  statuses: [
    [0, "there is a table; with PORTS: the ports are closed"],
    [1, "there is no table; with PORTS: a port is not closed"],
    WRONG_LINE,
    UNANSWERED,
  ],
};

const OPEN: Help = {
  summary: "Let everyone in, until the gate is closed again",
  about: `
This is the way back in from a console. It works with or without a running knockd. A reload or a restart
of knockd closes the gate again. Root only.`,
  examples: ["sudo knockctl gate open"],
  statuses: [[0, "the gate is open"], WRONG_LINE, UNANSWERED],
};

const CLOSE: Help = {
  summary: "Close the ports to clients that have not knocked",
  about: `
A running knockd closes its gate. Without one, the ports of the config's doors are closed, and no knock
opens them until knockd runs. Root only.`,
  examples: ["sudo knockctl gate close"],
  statuses: [[0, "the ports are closed"], WRONG_LINE, UNANSWERED],
};

export function gate(program: Command): void {
  const group = withGroupHelp(program.command("gate"), GATE);
  withHelp(group.command("show"), SHOW)
    .argument("[ports]", "ports such as tcp/22 or tcp/22,udp/60000-61000", readPorts)
    .option("--json", "print JSON, one object per line")
    .action((ports: ReturnType<typeof readPorts> | undefined, options: { json?: true }) =>
      orRefused(() => show(ports, options)),
    );
  withHelp(group.command("open"), OPEN).action(() => orRefused(open));
  withHelp(group.command("close"), CLOSE)
    .option("-c, --config <file>", "the config of knockd, for when it does not run", "/etc/knockd.conf")
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

/** Asks the daemon if one runs, because only the owner of a table may change it. */
async function open(): Promise<void> {
  const { readTable, removeTable } = await import("../../firewall/table-status.ts");
  const before = readTable();
  if (before === undefined) return say("The gate is open: knockd has no table in this kernel.");
  if (before.mode === "mark") say("Firewall = mark: your own firewall closes the ports. Open them there.");
  const { isDone, hasNoGate, troubles } = await byDaemon(before.config, false);
  if (isDone) {
    say(`The gate is open: ${opened(before)}.\nA reload or restart of knockd closes it again.`);
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
  const then = hasNoGate
    ? 'The running knockd has no door with "open = ...", so it does not close it again.'
    : "knockd does not run; when it starts, it closes the gate again.";
  say(`The gate is open: ${opened(before)}.\n${then}`);
}

async function close(config: string): Promise<void> {
  const { readTable } = await import("../../firewall/table-status.ts");
  const { isDone, hasNoGate } = await byDaemon(readTable()?.config ?? config, true);
  if (isDone) {
    say(tableText(readTable(), undefined).split("\n", 1)[0]!);
    return;
  }
  const { buildGate } = await import("../../firewall/boot-gate.ts");
  say(buildGate(config));
  say(hasNoGate ? 'The running knockd has no door with "open = ...".' : "knockd does not run: no client can knock.");
}

/**
 * Asks the daemon of this config, which the table names: another daemon may have a gate in another network namespace.
 * Throws ConfigError if it refuses.
 */
async function byDaemon(config: string, closed: boolean) {
  const isNamed = config.startsWith("/");
  const { answers, troubles } = await ask(config, "gate", { closed }, { changes: true, all: !isNamed });
  // Without systemd, a daemon keeps the trial's copy of the config after the trial is confirmed.
  const isTrial = answers.length === 0 && configIdentity(TRIAL_CONFIG) === config;
  const trial = isTrial ? (await ask(TRIAL_CONFIG, "gate", { closed }, { changes: true })).answers : [];
  const lines = [...answers, ...trial].flat();
  const isDone = lines.some(({ type }) => type === "gate");
  const [refusal] = lines.flatMap((line) => (line.type === "refused" ? [line.why] : []));
  if (!isDone && refusal !== undefined && refusal !== NO_GATE) throw new ConfigError(refusal);
  return { isDone, hasNoGate: refusal === NO_GATE, troubles };
}

function opened({ guarded }: TableStatus): string {
  return guarded.length === 0 ? "it closed no port" : `everyone can reach ${guarded.map(formatPorts).join(", ")}`;
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
      ? [
          closes,
          `It fails open: without ${now.hasBackstop ? "its tables" : "this table"} the ports are open to everyone.`,
        ]
      : [
          "knockd marks clients that have knocked; your own firewall decides.",
          "It fails closed: without this table no client is marked.",
        ];
  const process = owner === undefined ? "a process" : `process ${owner}`;
  const whose = now.hasBackstop
    ? [
        "Table: inet knockd. Other programs can change it.",
        `Behind it, inet knockd_backstop of ${process} keeps the ports closed.`,
      ]
    : now.owner === undefined
      ? ["Table: inet knockd, owned by no process. Open ports close on time."]
      : [`Table: inet knockd, owned by ${process}. Only knockctl can change it.`];
  const config = `Config: ${clean(now.config)}`;
  const lan = allowed.length === 0 ? [] : [`No knock needed from: ${allowed.join(", ")}`];
  return `${[...lines, ...whose, config, ...lan].join("\n")}\n\n${clientsText(clients)}`;
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
  return table(columns, rows);
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
            config: now.config,
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
