// What the kernel logs when real packets match a LOG rule in a namespace.
import { execFileSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { until } from "../time-limit.ts";
import type { Wire } from "./wire.ts";

/** The kernel logs nothing of namespaces other than the first unless this is 1. */
const ALL_NAMESPACES = "/proc/sys/net/netfilter/nf_log_all_netns";

/** The rules of docs/report.md, without their rate limit, in the server's namespace. */
export async function logRejected(wire: Wire, by: "iptables" | "nft", prefix: string): Promise<void> {
  const rules =
    by === "nft"
      ? [["nft", `add table inet knock; add chain inet knock in { type filter hook input priority 0; policy drop; }`]]
      : [];
  if (by === "nft") rules.push(["nft", `add rule inet knock in log prefix "${prefix}"`]);
  for (const program of by === "iptables" ? ["iptables", "ip6tables"] : []) {
    rules.push([program, "-A", "INPUT", "-j", "LOG", "--log-prefix", prefix], [program, "-P", "INPUT", "DROP"]);
  }
  for (const rule of rules) {
    const { status, stderr } = await wire.run("server", rule);
    if (status !== 0) throw new Error(`${rule.join(" ")}: ${stderr}`);
  }
}

/** Lets the kernel log namespaces while `act` runs. The setting is the machine's, and is restored afterwards. */
export async function whileLogging(act: () => Promise<void>): Promise<void> {
  const before = readFileSync(ALL_NAMESPACES, "latin1");
  writeFileSync(ALL_NAMESPACES, "1");
  try {
    await act();
  } finally {
    writeFileSync(ALL_NAMESPACES, before);
  }
}

/** The kernel's messages with this prefix, as soon as there are that many. */
export async function kernelLines(prefix: string, count: number): Promise<string[]> {
  let lines: string[] = [];
  const isTrue = () => {
    const said = execFileSync("dmesg", ["--notime"], { encoding: "latin1", maxBuffer: 64 << 20 });
    lines = said.split("\n").filter((line) => line.startsWith(prefix));
    return lines.length >= count;
  };
  if (await until(isTrue, 10_000, 50)) return lines;
  throw new Error(`${lines.length} of ${count} lines with ${prefix} after 10 seconds and more`);
}
