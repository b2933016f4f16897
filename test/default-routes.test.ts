// Tests which interfaces have a default route, as the kernel lists routes in /proc/net.
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { fromRoutes } from "../src/setup/default-routes.ts";

const HEAD = "Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT\n";
const row = (name: string, to: string, mask: string) => `${name}\t${to}\t0101A8C0\t0003\t0\t0\t0\t${mask}\t0\t0\t0\n`;
const ZERO = "0".repeat(32);
const row6 = (name: string, to: string, length: string) =>
  `${to} ${length} ${ZERO} 00 fe80000000000000000000000000000a 00000400 00000001 00000000 00000003     ${name}\n`;

describe("interfaces of the default routes", () => {
  it("are those of both IP versions, each once", () => {
    const ipv4 = `${HEAD}${row("eth0", "00000000", "00000000")}${row("eth0", "0001A8C0", "00FFFFFF")}`;
    const ipv6 = `${row6("wlan0", ZERO, "00")}${row6("eth0", ZERO, "00")}`;
    assert.deepEqual(fromRoutes(ipv4, ipv6), ["eth0", "wlan0"]);
  });

  it("are none if there are routes to networks only", () => {
    const half = row("tun0", "00000000", "00000080"); // 0.0.0.0/1
    const ipv6 = `${row6("eth0", `fd77${"0".repeat(28)}`, "40")}${row6("lo", ZERO, "00")}`;
    assert.deepEqual(fromRoutes(`${HEAD}${row("eth0", "0001A8C0", "00FFFFFF")}${half}`, ipv6), []);
    assert.deepEqual(fromRoutes("", ""), []);
  });
});
