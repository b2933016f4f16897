// knockctl metrics: the daemon's counters in Prometheus' text format, for node_exporter's textfile collector.

import type { Command } from "@commander-js/extra-typings";
import { type Answer, answerLine } from "../../control/protocol.ts";
import { systemErrorText } from "../../platform/system-error.ts";
import { writeOutput } from "../../platform/write-output.ts";
import { asking, type Help } from "../daemon-command.ts";
import { ask, complain, STATUS } from "../request.ts";

const HELP: Help = {
  summary: "Print the daemon's metrics in Prometheus' text format",
  about: `
Packets, stages, openings, timeouts, scans, failed commands, live attempts, open doors, and whether
knockd is deaf. With -o, knockctl writes them to a file in one step, for node_exporter's textfile
collector. /usr/share/doc/knockd/examples has a timer for that. If no knockd answers, knockd_up is 0.`,
  examples: ["sudo knockctl metrics", "sudo knockctl metrics -o /var/lib/node_exporter/knockd.prom"],
  statuses: [
    [0, "the numbers are complete"],
    [1, "the file could not be written"],
    [2, "wrong command line"],
    [3, "no knockd answers, or you may not ask it"],
  ],
};

export function metrics(program: Command): void {
  asking(program, "metrics", HELP)
    .option("-o, --output <file>", "write to this file instead of standard output")
    .action(async ({ config, output, json }) => {
      const { answers, troubles } = await ask(config, "status");
      const text = json ? answers.flat().map(answerLine).join("") : metricsText(answers, troubles.length === 0);
      if (troubles.length > 0) process.exitCode = STATUS.unanswered;
      for (const trouble of troubles) complain(trouble);
      if (output === undefined) {
        process.stdout.write(text);
        return;
      }
      try {
        writeOutput(output, text);
      } catch (error) {
        complain(`can't write ${output}: ${systemErrorText(error)}`);
        process.exitCode = STATUS.no;
      }
    });
}

type Labels = Readonly<Record<string, string>>;
type Series = readonly (readonly [labels: Labels, value: number])[];

/** `answers`: each daemon's answer to `status`. `up`: all of them have answered. */
export function metricsText(answers: readonly (readonly Answer[])[], up: boolean): string {
  const all = answers.flatMap((lines) => {
    const status = lines.find((answer) => answer.type === "status");
    const interfaces = lines.filter((answer) => answer.type === "interface");
    const codes = lines.filter((answer) => answer.type === "codes");
    return status === undefined ? [] : [{ status, interfaces, codes, labels: { daemon: status.interfaces } }];
  });
  type Status = (typeof all)[number]["status"];
  type Interface = (typeof all)[number]["interfaces"][number];
  const ofDaemon = (value: (status: Status) => number): Series =>
    all.map(({ status, labels }) => [labels, value(status)]);
  const ofInterface = (value: (one: Interface) => number | undefined): Series =>
    all.flatMap(({ interfaces, labels }) =>
      interfaces.flatMap((one) => {
        const number = value(one);
        return number === undefined ? [] : [[{ ...labels, interface: one.interface }, number] as const];
      }),
    );
  return [
    family("up", "gauge", "Whether each knockd that runs with this config answers.", [[{}, up ? 1 : 0]]),
    family(
      "start_time_seconds",
      "gauge",
      "When knockd began to listen, in seconds since 1970.",
      ofDaemon(({ since }) => Date.parse(since) / 1000),
    ),
    family(
      "packets_seen_total",
      "counter",
      "Packets that the kernel's filter passed since the interface was opened.",
      ofInterface(({ packets }) => packets?.seen),
    ),
    family(
      "packets_dropped_total",
      "counter",
      "Packets that were lost because knockd read them too slowly.",
      ofInterface(({ packets }) => packets?.dropped),
    ),
    family(
      "deaf",
      "gauge",
      "Whether knockd is deaf on this interface: it receives no packets although it should.",
      ofInterface(({ state }) => (state === "deaf" ? 1 : 0)),
    ),
    family(
      "stages_total",
      "counter",
      "Knocks that reached a stage of a sequence.",
      ofDaemon(({ counts }) => counts.stages),
    ),
    family(
      "opens_total",
      "counter",
      "Sequences that were completed.",
      ofDaemon(({ counts }) => counts.opens),
    ),
    family(
      "timeouts_total",
      "counter",
      "Sequences that timed out.",
      ofDaemon(({ counts }) => counts.timeouts),
    ),
    family(
      "scans_total",
      "counter",
      "Sources that were recognised as scanners.",
      ofDaemon(({ counts }) => counts.scans),
    ),
    family(
      "clock_synchronised",
      "gauge",
      "Whether the clock, on which codes depend, is synchronised.",
      all.flatMap(({ status, labels }) =>
        status.clockSet === undefined ? [] : [[labels, status.clockSet ? 1 : 0] as const],
      ),
    ),
    family(
      "codes_total",
      "counter",
      "Codes of clients, by result.",
      all.flatMap(({ codes, labels }) =>
        codes.map(({ door, client, result, count }) => [{ ...labels, door, client, result }, count] as const),
      ),
    ),
    family(
      "commands_failed_total",
      "counter",
      "Commands of doors that returned a non-zero status or could not be started.",
      ofDaemon(({ counts }) => counts.commandsFailed),
    ),
    family(
      "live_attempts",
      "gauge",
      "Live attempts.",
      ofDaemon(({ live }) => live),
    ),
    family(
      "open_doors",
      "gauge",
      "Doors that are open and will be closed again.",
      ofDaemon(({ open }) => open),
    ),
  ].join("");
}

/** https://prometheus.io/docs/instrumenting/exposition_formats/ */
function family(name: string, type: "counter" | "gauge", help: string, series: Series): string {
  if (series.length === 0) return "";
  const lines = series.map(([labels, value]) => `knockd_${name}${labelText(labels)} ${value}`);
  return [`# HELP knockd_${name} ${help}`, `# TYPE knockd_${name} ${type}`, ...lines, ""].join("\n");
}

function labelText(labels: Labels): string {
  const escaped = (value: string) => value.replace(/[\\"]/g, "\\$&").replaceAll("\n", "\\n");
  const pairs = Object.entries(labels).map(([name, value]) => `${name}="${escaped(value)}"`);
  return pairs.length === 0 ? "" : `{${pairs.join(",")}}`;
}
