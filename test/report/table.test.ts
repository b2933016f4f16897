// Tests the report in a terminal: aligned tables of five rows each, and how to see the other rows.
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { EVERY, SHORT } from "../../src/report/render/sections.ts";
import { table } from "../../src/report/render/table.ts";
import { EVIL, empty, evil, HARMFUL } from "./sample.ts";

const networks = Array.from({ length: 20 }, (_, i) => ({ network: `10.0.${i}.0/24`, attempts: 1, sources: 1 }));

describe("the table", () => {
  it("is aligned, with numbers at the right, below a sentence that says what it means", () => {
    const text = table(
      {
        ...empty,
        since: evil.since,
        until: evil.until,
        host: "door",
        attempts: 1005,
        rejected: 1005,
        sources: 7,
        ports: [
          { protocol: "tcp", port: 3389, service: "ms-wbt-server", attempts: 1000, sources: 5 },
          { protocol: "icmp", port: 0, service: "", attempts: 5, sources: 2 },
        ],
        hours: [
          { at: evil.at - 120, attempts: 1 },
          { at: evil.at - 120 + 3600, attempts: 2 },
        ],
        leftOut: ["Something."],
        sourcesOfData: [{ name: "A", licence: "B", link: "https://c/" }],
      },
      SHORT,
    );
    assert.equal(
      text,
      `1,000 of 1,005 attempts were for Remote Desktop, port 3389. The log says that
the firewall rejected all of them: nobody got in that way.

1005 attempts from 7 sources, 2026-11-24 12:00 to 2026-11-24 12:01 (host door)

Ports
  PORT      SERVICE                         ATTEMPTS  SOURCES
  tcp/3389  Remote Desktop (ms-wbt-server)      1000        5
  icmp                                             5        2

Busiest hours
  HOUR              ATTEMPTS
  2026-11-24 13:00         2  ##############################
  2026-11-24 12:00         1  ###############

Something.

Locations: A (B) https://c/
`,
    );
  });

  it("with many rows shows five, the number of the others, and how to see them", () => {
    const text = table({ ...empty, networks }, SHORT);
    assert.match(text, /10\.0\.4\.0\/24 +1 +1\n {2}and 15 more\n\nSee every row: knockctl report --all\n/);
    assert.doesNotMatch(text, /10\.0\.5\.0/);
  });

  it("shows every row on request, and the hours in order of time", () => {
    const hours = [1, 3, 2].map((attempts, i) => ({ at: evil.at + i * 3600, attempts }));
    const text = table({ ...empty, networks, hours }, EVERY);
    assert.match(text, /10\.0\.19\.0/);
    assert.doesNotMatch(text, /more|--all/);
    assert.match(text, /Attempts per hour\n.*\n.* 1 .*\n.* 3 .*\n.* 2 /);
  });

  it("leaves out sets of ports that only one source tried", () => {
    const together = [
      { ports: ["tcp/22", "tcp/23"], sources: 2 },
      { ports: ["tcp/25", "tcp/80"], sources: 1 },
    ];
    const text = table({ ...empty, together }, EVERY);
    assert.match(text, /tcp\/22 tcp\/23 +2\n/);
    assert.doesNotMatch(text, /tcp\/25/);
  });

  it("fits 80 columns with any contents", () => {
    const place = "Example Hosting of the Americas and Elsewhere, Incorporated, in Liquidation";
    const text = table(
      {
        ...evil,
        top: [{ ...evil.top[0]!, address: "203.0.113.255", country: place, network: place }],
      },
      SHORT,
    );
    for (const line of text.split("\n")) assert.ok(line.length <= 80, line);
  });

  it("contains no control characters", () => {
    const text = table(evil, SHORT);
    assert.doesNotMatch(text, HARMFUL);
    assert.ok(text.includes(EVIL.slice(0, 5)));
  });
});
