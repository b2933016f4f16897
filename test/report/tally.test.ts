import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { GeoIp } from "../../src/report/count/geoip.ts";
import { Services } from "../../src/report/count/port-names.ts";
import type { Bounds } from "../../src/report/count/sources.ts";
import { Tally } from "../../src/report/count/tally.ts";
import { KnockLine } from "../../src/report/read/knock-line.ts";
import { PacketLine } from "../../src/report/read/packet-line.ts";

const BEGIN = new Date(2026, 10, 24, 12).getTime() / 1000;
const LEFT_OUT = [{ reason: "lines of other programs", lines: 2 }];

describe("the tally", () => {
  const [geoIp, services] = [new GeoIp([]), new Services()];

  function tally(bounds?: Bounds) {
    const one = new Tally(geoIp, services, bounds);
    const line = new PacketLine();
    return {
      tally: one,
      packet(from: string, port: number, minute: number, host = "door") {
        const message = `IN=eth0 OUT= SRC=${from} DST=10.0.0.1 PROTO=TCP SPT=1 DPT=${port} WINDOW=1 RES=0x00 SYN URGP=0 `;
        assert.equal(line.read(message), "attempt");
        one.packet(line, BEGIN + minute * 60, host);
      },
    };
  }

  it("becomes a report", () => {
    const { tally: one, packet } = tally();
    packet("8.8.8.8", 22, 0);
    packet("8.8.8.8", 22, 61);
    packet("8.8.8.9", 22, 62);
    packet("8.8.8.8", 23, 63);
    packet("91.1.2.3", 23, 64);
    const knock = new KnockLine();
    for (const said of ["8.8.8.8: ssh: Stage 1", "8.8.8.8: ssh: OPEN SESAME"]) {
      assert.ok(knock.read(said));
      one.knock(knock, BEGIN + 65 * 60, "door");
    }
    assert.deepEqual(one.report(BEGIN + 9999, ["Noted."], { lines: 9, rows: LEFT_OUT, rejected: 4 }), {
      since: BEGIN,
      until: BEGIN + 3900,
      at: BEGIN + 9999,
      host: "door",
      attempts: 5,
      rejected: 4,
      lines: 9,
      linesLeftOut: LEFT_OUT,
      sources: 3,
      ports: [
        { protocol: "tcp", port: 22, service: "ssh", attempts: 3, sources: 2 },
        { protocol: "tcp", port: 23, service: "telnet", attempts: 2, sources: 2 },
      ],
      countries: [
        { code: "US", name: "United States", attempts: 4, sources: 2 },
        { code: "DE", name: "Germany", attempts: 1, sources: 1 },
      ],
      networks: [
        { network: "8.8.8.0/24", attempts: 4, sources: 2 },
        { network: "91.1.2.0/24", attempts: 1, sources: 1 },
      ],
      places: [],
      top: [
        {
          address: "8.8.8.8",
          country: "US",
          network: "8.8.8.0/24",
          attempts: 3,
          ports: 2,
          first: BEGIN,
          last: BEGIN + 3780,
        },
        {
          address: "8.8.8.9",
          country: "US",
          network: "8.8.8.0/24",
          attempts: 1,
          ports: 1,
          first: BEGIN + 3720,
          last: BEGIN + 3720,
        },
        {
          address: "91.1.2.3",
          country: "DE",
          network: "91.1.2.0/24",
          attempts: 1,
          ports: 1,
          first: BEGIN + 3840,
          last: BEGIN + 3840,
        },
      ],
      hours: [
        { at: BEGIN, attempts: 1 },
        { at: BEGIN + 3600, attempts: 4 },
      ],
      days: [{ at: BEGIN - 12 * 3600, attempts: 5 }],
      together: [{ ports: ["tcp/22", "tcp/23"], sources: 1 }],
      doors: [{ door: "ssh", begun: 1, opened: 1, failed: 0 }],
      leftOut: ["Noted."],
      sourcesOfData: geoIp.sourcesOfData,
    });
  });

  it("of an empty log is an empty report", () => {
    const report = tally().tally.report(BEGIN, [], { lines: 0, rows: [], rejected: 0 });
    assert.deepEqual(
      [report.attempts, report.since, report.ports, report.hours, report.leftOut],
      [0, undefined, [], [], []],
    );
  });

  it("drops single sources, but no attempt", () => {
    const { tally: one, packet } = tally({ sources: 100, ports: 1000 });
    for (let i = 0; i < 1000; i++) packet(`8.8.${i >> 8}.${i & 255}`, 22, i);
    for (let i = 0; i < 50; i++) packet("91.1.2.3", 1 + (i % 20), i);
    const report = one.report(BEGIN, [], { lines: 0, rows: [], rejected: 0 });
    assert.equal(report.attempts, 1050);
    assert.equal(report.sources, 1001);
    assert.deepEqual(report.countries, [
      { code: "US", name: "United States", attempts: 1000, sources: 1000 },
      { code: "DE", name: "Germany", attempts: 50, sources: 1 },
    ]);
    assert.equal(
      report.networks.reduce((sum, { attempts }) => sum + attempts, 0),
      1050,
    );
    assert.equal(report.ports.find(({ port }) => port === 22)?.attempts, 1000);
    assert.deepEqual(report.top[0], { ...report.top[0], address: "91.1.2.3", attempts: 50, ports: 20 });
    assert.ok(report.top.length <= 100);
    assert.ok(report.leftOut[0]?.startsWith("Too many sources to remember: "), report.leftOut[0]);
    assert.equal(
      report.leftOut[1],
      "1 source tried more than a dozen ports each: the ports tried together do not include them.",
    );
  });

  it("says if rows were left out, and if hosts are mixed", () => {
    const { tally: one, packet } = tally();
    for (let port = 1; port <= 1001; port++) packet("8.8.8.8", port, 0, port % 2 ? "door" : "window");
    const { ports, leftOut } = one.report(BEGIN, [], { lines: 0, rows: [], rejected: 0 });
    assert.equal(ports.length, 1000);
    assert.ok(leftOut.includes("Of 1001 ports, 1000 are listed."));
    assert.ok(leftOut.includes("Lines of more than one host were counted together."));
  });
});
