// 64 clients open 64 doors at the same moment. Measures when the last command begins.
import { performance } from "node:perf_hooks";
import { setTimeout as sleep } from "node:timers/promises";
import { frame } from "../test/frame.ts";
import type { Wire } from "../test/live/wire.ts";
import { probe } from "./probe.ts";
import { type Bench, type Family, figures, inTurns } from "./rounds.ts";
import { type Subject, start, unpin } from "./subject.ts";

const DOORS = 64;
const MS = 1e6;
/** Each door has one knock: with longer sequences 0.8 loses all other attempts when the first door opens. */
const portOf = (door: number) => 7000 + door;
const clientOf = (door: number) => `10.77.0.${128 + door}`;

export async function atOnce(bench: Bench): Promise<Family> {
  unpin();
  const results = await inTurns(bench, "together", ["ours", "judge"], (subject) => openAll(bench.wire, subject));
  const what = `${DOORS} doors at once, last SYN → last command begins, ms`;
  return { rows: [{ what, figures: figures(results, (ms) => ms), reach: { most: 2, of: "judge" } }] };
}

async function openAll(wire: Wire, subject: Subject): Promise<number> {
  const doors = Array.from({ length: DOORS }, (_, i) => i);
  const command = `${probe()} stamp %IP% >> $KNOCK_LOG`;
  const sections = doors.map(
    (i) => `[door${i}]\n  sequence = ${portOf(i)}\n  tcpflags = syn\n  command = ${command}\n`,
  );
  const running = await start(wire, subject, { config: `[options]\n${sections.join("")}`, ports: [7000] });
  await wire.run("client", ["ip", "route", "replace", "local", "10.77.0.128/25", "dev", "lo"]);
  const knocks = doors.map((i) => ({
    at: 0.1,
    frame: frame({ from: clientOf(i), to: wire.server, protocol: "tcp", port: portOf(i), seq: i }),
  }));
  const left = await wire.send(knocks);
  const deadline = performance.now() + 5000;
  while (running.commands().length < DOORS && performance.now() < deadline) await sleep(20);
  const begun = running.commands().map((line) => Number(line.split(" ")[1]));
  await running.stop();
  if (begun.length < DOORS) throw new Error(`${subject}: ${begun.length} of ${DOORS} doors opened`);
  return (Math.max(...begun) - left.at(-1)!) / MS;
}
