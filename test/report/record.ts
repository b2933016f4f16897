// Made test/report/real.log, and can make it again: sudo node dist/test/report/record.js
//
// Sends packets with sources from all over the world through a real LOG rule and a real nft log rule in a namespace.
// The kernel's lines are kept word for word, as are those of the real knockd that received knocks. Only the times are
// made up: five days instead of a few seconds. Every source is the first address of a network, so that no one is
// accused.
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { frame } from "../frame.ts";
import { Daemon } from "../live/daemon.ts";
import { kernelLines, logRejected, whileLogging } from "../live/kernel-log.ts";
import { repo, Wire } from "../live/wire.ts";

const PORTS = [22, 22, 22, 22, 23, 23, 23, 80, 443, 445, 445, 1433, 2375, 3389, 3389, 5900, 6379, 8080, 8443, 37215];
const UDP_PORTS = [53, 123, 161, 1900, 5060, 5060, 11211];
const [SOURCES, PACKETS_EACH_RULE] = [140, 260] as const;
const [BEGIN, DAYS] = [Date.UTC(2026, 10, 18), 5] as const;
const CONFIG = "[openSSH]\n  sequence = 4438,1813,8235\n  seq_timeout = 1\n  tcpflags = syn\n  command = true\n";

let state = 8;
/** The same random numbers each time. */
function below(end: number): number {
  state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
  return Math.floor((state / 2 ** 32) * end);
}
const one = <T>(list: readonly T[]): T => list[below(list.length)]!;

const sources = Array.from({ length: SOURCES }, (_, i) =>
  i % 9 === 8
    ? `${one(["2001:67c", "2001:4860", "2400:cb00", "2a02:8071", "2804:14c", "2c0f:f248"])}:${below(999)}::`
    : `${one([1, 5, 14, 27, 36, 41, 45, 58, 61, 77, 80, 91, 95, 101, 103, 112, 116, 122, 141, 154, 177, 185, 190, 196, 200, 218])}.${below(256)}.${below(256)}.0`,
);

function packet(wire: Wire): Buffer {
  const from = sources[Math.floor((below(SOURCES) * below(SOURCES)) / SOURCES)]!; // some more than others
  const to = from.includes(":") ? wire.server6 : wire.server;
  if (below(6) === 0)
    return frame({ from, to, protocol: "udp", port: one(UDP_PORTS), sourcePort: 1024 + below(60_000) });
  const noise = below(40) === 0 ? { flags: ["rst", "ack"] as const } : {};
  return frame({ from, to, protocol: "tcp", port: one(PORTS), sourcePort: 1024 + below(60_000), ...noise });
}

const wire = await Wire.open();
try {
  for (const name of ["all", "eth0"]) await wire.run("server", ["sysctl", "-qw", `net.ipv4.conf.${name}.rp_filter=0`]);
  const lines: string[] = [];
  await whileLogging(async () => {
    for (const by of ["iptables", "nft"] as const) {
      const prefix = `${by}-${process.pid}: `;
      await logRejected(wire, by, prefix);
      const frames = Array.from({ length: PACKETS_EACH_RULE }, (_, i) => ({ at: i / 1000, frame: packet(wire) }));
      await wire.send(frames);
      const said = await kernelLines(prefix, frames.length);
      lines.push(...said.map((line) => `kernel: ${line.replace(prefix, by === "nft" ? "rejected: " : "REJECT ")}`));
      for (const program of ["iptables", "ip6tables"]) await wire.run("server", [program, "-F"]);
      for (const program of ["iptables", "ip6tables"]) await wire.run("server", [program, "-P", "INPUT", "ACCEPT"]);
    }
  });
  const daemon = await Daemon.start(wire, "ours", CONFIG, ["-i", "eth0", "-c", "@dir@/knockd.conf", "-v"]);
  const knocks = [
    ...sources.slice(0, 3).map((from) => [from, 3] as const),
    [sources[4]!, 1],
    [sources[5]!, 2],
  ] as const;
  for (const [from, count] of knocks) {
    const ports = [4438, 1813, 8235].slice(0, count);
    const to = from.includes(":") ? wire.server6 : wire.server;
    await wire.send(ports.map((port, i) => ({ at: i / 20, frame: frame({ from, to, protocol: "tcp", port }) })));
  }
  await daemon.waitFor(() => daemon.lines().filter((line) => line.includes("sequence timeout")).length === 2);
  const told = daemon.lines().map((line) => `knockd[731]: ${line}`);
  await daemon.stop();
  const stamps = (count: number) =>
    Array.from(
      { length: count },
      () => BEGIN + Math.floor((below(DAYS * 1440) + below(DAYS * 1440)) / 2) * 60_000 + below(60_000),
    ).sort((a, b) => a - b);
  // The daemon's lines keep their order and stay together; the kernel's are distributed over the days at random.
  const times = stamps(lines.length);
  const all = [
    ...lines
      .map((line) => ({ line, order: below(2 ** 31) }))
      .sort((a, b) => a.order - b.order)
      .map(({ line }, i) => ({ at: times[i]!, line })),
    ...told.map((line, i) => ({ at: BEGIN + 2.4 * 86_400_000 + i * 1000, line })),
  ].sort((a, b) => a.at - b.at);
  const text = all
    .map(({ at, line }) => `${new Date(at).toISOString().replace("Z", "+00:00")} door ${line}\n`)
    .join("");
  writeFileSync(join(repo, "test/report/real.log"), text);
} finally {
  await wire.close();
}
