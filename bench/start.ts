// How long the start takes until the kernel has the filter, compared with a Node that does nothing.
import { performance } from "node:perf_hooks";
import { PORTS } from "./flood.ts";
import { type Bench, type Family, figures, inTurns, type Results } from "./rounds.ts";
import { begin, type Job, type Subject, unpin, untilListening } from "./subject.ts";

const JOB: Job = {
  config: `[options]\n[door]\n  sequence = ${PORTS}\n  tcpflags = syn\n  command = true\n`,
  ports: PORTS,
};

export async function starts(bench: Bench): Promise<Family> {
  unpin();
  const results = await inTurns({ rounds: 2 * bench.rounds }, "start", ["ours", "judge", "loop"], (subject) =>
    subject === "ours" ? oursBesideNode(bench) : one(bench, subject).then((listening) => ({ listening, node: 0 })),
  );
  const ours = { ours: results.ours! };
  return {
    rows: [
      { what: "exec → listening, ms", figures: figures(results, ({ listening }) => listening), reach: { most: 100 } },
      {
        what: "the same ÷ an empty `node -e 0`",
        figures: figures(ours, ({ listening, node }) => listening / node),
        reach: { most: 1.5 },
      },
    ],
    notes: [`An empty Node takes ${nodeAlone(results)} ms.`],
  };
}

async function oursBesideNode(bench: Bench): Promise<{ listening: number; node: number }> {
  const before = performance.now();
  const { status } = await bench.wire.run("server", [process.execPath, "-e", "0"]);
  if (status !== 0) throw new Error("node -e 0 fails");
  const node = performance.now() - before;
  return { listening: await one(bench, "ours"), node };
}

/** Includes the time of `ip netns exec`, as the time of the empty Node does. */
async function one({ wire }: Bench, subject: Subject): Promise<number> {
  const before = performance.now();
  const running = await begin(wire, subject, JOB);
  await untilListening(running, 10_000, 1);
  const took = performance.now() - before;
  await running.stop();
  return took;
}

function nodeAlone(results: Results<{ node: number }>): string {
  const { value, low, high } = figures({ ours: results.ours! }, ({ node }) => node).ours!;
  return `${Math.round(value)} (${Math.round(low)} – ${Math.round(high)})`;
}
