import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { table } from "../../src/report/render/table.ts";
import { EVIL, empty, evil, HARMFUL } from "./sample.ts";

describe("the table", () => {
  it("is aligned, numbers to the right", () => {
    const text = table({
      ...empty,
      since: evil.since,
      until: evil.until,
      host: "door",
      attempts: 1005,
      sources: 7,
      ports: [
        { protocol: "tcp", port: 22, service: "ssh", attempts: 1000, sources: 5 },
        { protocol: "icmp", port: 0, service: "", attempts: 5, sources: 2 },
      ],
      hours: [
        { at: evil.at - 120, attempts: 2 },
        { at: evil.at - 120 + 3600, attempts: 1 },
      ],
      leftOut: ["Something."],
      sourcesOfData: [{ name: "A", licence: "B", link: "https://c/" }],
    });
    assert.equal(
      text,
      `1005 attempts of 7 sources at door, 2026-11-24 12:00 – 2026-11-24 12:01

Ports
  port    service  attempts  sources
  tcp/22  ssh          1000        5
  icmp                    5        2

Attempts per hour
  hour              attempts
  2026-11-24 12:00         2  ##############################
  2026-11-24 13:00         1  ###############

Something.

Locations: A (B) https://c/
`,
    );
  });

  it("of many rows says how many more there are", () => {
    const networks = Array.from({ length: 20 }, (_, i) => ({ network: `10.0.${i}.0/24`, attempts: 1, sources: 1 }));
    assert.match(table({ ...empty, networks }), /10\.0\.14\.0\/24 +1 +1\n {2}… and 5 more\n/);
  });

  it("leaves the terminal alone", () => {
    const text = table(evil);
    assert.doesNotMatch(text, HARMFUL);
    // Ten texts, and no line more: summary, 9 tables, a sentence, and the locations.
    assert.equal(text.split("\n").length, table({ ...evil, host: "x" }).split("\n").length);
    assert.ok(text.includes(EVIL.slice(0, 15)));
  });
});
