// `npm run siege`: ever-new forged sources hit the first knock, while a real client knocks 20 times. How many doors open,
// and what it takes; Debian's knockd 0.8 beside ours.
import { readFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { frame } from "../test/frame.ts";
import type { Daemon, Which } from "../test/live/daemon.ts";
import { Wire } from "../test/live/wire.ts";
import { startQuietly } from "./probe.ts";

const PORTS = [7000, 8000, 9000];
const KNOCKERS = 20;
const RATES = [1_000, 20_000, 100_000];
const CONFIG = `[options]
[door]
  sequence    = ${PORTS}
  seq_timeout = 10
  tcpflags    = syn
  command     = echo %IP% >>$KNOCK_LOG
`;

const wire = await Wire.open();
try {
  console.log("forged sources a second | of 20 real knockers came in: ours, 0.8 | most memory: ours, 0.8");
  for (const rate of RATES) {
    for (const family of rate === 20_000 ? (["IPv4", "IPv6"] as const) : (["IPv4"] as const)) {
      const [ours, judge] = [await siege("ours", rate, family), await siege("judge", rate, family)];
      const rates = `${ours.rate.toLocaleString()} ${family}`;
      console.log(`${rates} | ${ours.opened}, ${judge.opened} | ${ours.mebibytes}, ${judge.mebibytes} MiB`);
    }
  }
} finally {
  await wire.close();
}

async function siege(which: Which, rate: number, family: "IPv4" | "IPv6") {
  const daemon = await startQuietly(wire, which, CONFIG);
  const [from, to] = family === "IPv4" ? [wire.client, wire.server] : [wire.client6, wire.server6];
  const templates = [frame({ from, to, protocol: "tcp", port: PORTS[0]! })];
  const seconds = 15;
  const flood = wire.flood({ templates, count: seconds * rate, rate, vary: "source" });
  await sleep(3000);
  const knocks = Array.from({ length: KNOCKERS }, (_, i) =>
    PORTS.map((port, stage) => ({
      at: i * 0.4 + stage * 0.1,
      frame: frame({ from: `10.77.200.${i + 1}`, to: wire.server, protocol: "tcp", port, seq: 1000 * i + stage }),
    })),
  ).flat();
  await wire.send(knocks);
  const { sent, seconds: took } = await flood;
  await sleep(1000);
  const opened = new Set(daemon.commands().filter((ip) => ip.startsWith("10.77.200."))).size;
  const mebibytes = mostMemory(daemon);
  await daemon.stop("SIGKILL");
  return { rate: Math.round(sent / took / 100) * 100, opened, mebibytes };
}

function mostMemory(daemon: Daemon): number {
  const status = readFileSync(`/proc/${daemon.pid}/status`, "utf8");
  return Math.round(Number(/^VmHWM:\s+(\d+)/m.exec(status)?.[1]) / 1024);
}
