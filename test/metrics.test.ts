// Tests the daemon's metrics in Prometheus' text format.
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { Answer } from "../src/control/protocol.ts";
import { metricsText } from "../src/knockctl/commands/metrics.ts";

describe("the metrics for Prometheus", () => {
  const answer = (interfaces: string, one = interfaces): Answer[] => [
    { type: "daemon", pid: 1, knockd: "1.0.0", config: "/etc/knockd.conf" },
    {
      type: "status",
      since: "2026-11-24T12:00:00.500Z",
      interfaces,
      doors: 3,
      live: 4,
      open: 5,
      counts: { stages: 6, opens: 7, timeouts: 8, scans: 9, commandsFailed: 10 },
    },
    {
      type: "interface",
      interface: one,
      state: "hears",
      addresses: ["10.0.0.1"],
      tried: 3,
      packets: { seen: 11, dropped: 12 },
    },
    { type: "interface", interface: "wlan0", state: "deaf", addresses: [], tried: 0, why: "it is broken" },
    { type: "end" },
  ];
  const seriesOf = (text: string) => text.split("\n").filter((line) => line !== "" && !line.startsWith("#"));

  it("are complete, each after its help and type", () => {
    const text = metricsText([answer("eth0")], true);
    assert.deepEqual(seriesOf(text), [
      "knockd_up 1",
      'knockd_start_time_seconds{daemon="eth0"} 1795521600.5',
      'knockd_packets_seen_total{daemon="eth0",interface="eth0"} 11',
      'knockd_packets_dropped_total{daemon="eth0",interface="eth0"} 12',
      'knockd_deaf{daemon="eth0",interface="eth0"} 0',
      'knockd_deaf{daemon="eth0",interface="wlan0"} 1',
      'knockd_stages_total{daemon="eth0"} 6',
      'knockd_opens_total{daemon="eth0"} 7',
      'knockd_timeouts_total{daemon="eth0"} 8',
      'knockd_scans_total{daemon="eth0"} 9',
      'knockd_commands_failed_total{daemon="eth0"} 10',
      'knockd_live_attempts{daemon="eth0"} 4',
      'knockd_open_doors{daemon="eth0"} 5',
    ]);
    const familyOf = (line: string) => /^knockd_\w+/.exec(line)![0];
    let family = "";
    const lines = text.split("\n");
    assert.equal(lines.pop(), "");
    for (const [i, line] of lines.entries()) {
      if (line.startsWith("# HELP ")) {
        family = line.split(" ")[2]!;
        const type = family.endsWith("_total") ? "counter" : "gauge";
        assert.equal(lines[i + 1], `# TYPE ${family} ${type}`);
      } else if (!line.startsWith("# TYPE ")) assert.equal(familyOf(line), family);
    }
  });

  it("are separate for each daemon, and no label can break out of its quotes", () => {
    const text = metricsText([answer('a"b\\c\nd'), answer("eth1")], true);
    assert.ok(text.includes('knockd_opens_total{daemon="a\\"b\\\\c\\nd"} 7\nknockd_opens_total{daemon="eth1"} 7\n'));
    assert.equal(new Set(seriesOf(text).map((line) => line.replace(/ \S+$/, ""))).size, seriesOf(text).length);
  });

  it("count the codes of each client, and show whether the clock is synchronised if codes open doors", () => {
    const codes = { type: "codes", door: "ssh", client: "phone" } as const;
    const [daemon, status, ...rest] = answer("eth0");
    const all = [
      daemon!,
      { ...status, clockSet: false } as Answer,
      ...rest,
      { ...codes, result: "accepted", count: 2 },
      { ...codes, result: "wrong", count: 3 },
    ];
    assert.deepEqual(
      seriesOf(metricsText([all], true)).filter((line) => /codes|clock/.test(line)),
      [
        'knockd_clock_synchronised{daemon="eth0"} 0',
        'knockd_codes_total{daemon="eth0",door="ssh",client="phone",result="accepted"} 2',
        'knockd_codes_total{daemon="eth0",door="ssh",client="phone",result="wrong"} 3',
      ],
    );
  });

  it("say only that knockd is down if no daemon answers", () => {
    assert.deepEqual(seriesOf(metricsText([], false)), ["knockd_up 0"]);
  });
});
