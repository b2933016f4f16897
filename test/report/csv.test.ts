import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { describe, it } from "node:test";
import { csv } from "../../src/report/render/csv.ts";
import { EVIL, empty, evil, HARMFUL } from "./sample.ts";

/** Python's reader decides: it implements RFC 4180. */
function parsed(text: string): Record<string, string>[] {
  const script =
    "import csv, io, json, sys; print(json.dumps(list(csv.DictReader(io.StringIO(sys.stdin.buffer.read().decode(), newline='')))))";
  const { stdout, stderr } = spawnSync("python3", ["-c", script], { input: text, encoding: "utf8" });
  assert.equal(stderr, "");
  return JSON.parse(stdout);
}

describe("the CSV", () => {
  it("is one table, with a row for each entry of every list", () => {
    const rows = parsed(csv(evil));
    assert.deepEqual(
      rows.map(({ list }) => list),
      [
        "port",
        "country",
        "network",
        "place",
        "source",
        "together",
        "hour",
        "day",
        "door",
        ...Array(3).fill("lines read"),
        "left out",
        "locations by",
      ],
    );
    assert.deepEqual(
      rows.filter(({ list }) => list === "port").map(({ item, attempts, sources }) => [item, attempts, sources]),
      [["tcp/22", "3", "1"]],
    );
    assert.equal(rows.find(({ list }) => list === "place")?.latitude, "-33.8");
    assert.equal(
      rows.find(({ list }) => list === "hour")?.item,
      new Date(evil.hours[0]!.at * 1000).toISOString().replace(".000", ""),
    );
    assert.ok(csv(evil).endsWith("\r\n"));
  });

  it("contains no formula for a spreadsheet and no control character for a terminal", () => {
    assert.doesNotMatch(csv(evil).replaceAll("\r\n", "\n"), HARMFUL);
    for (const row of parsed(csv(evil))) {
      for (const cell of Object.values(row)) assert.ok(!/^\s*[=+@|%]/.test(cell) && !/^-(?!\d)/.test(cell), cell);
    }
    for (const start of ["=", "+", "-", "@", " =", "\t=", "\r=", "|", "%"]) {
      const row = parsed(csv({ ...empty, doors: [{ door: `${start}1`, begun: 1, opened: 0, failed: 0 }] }))[0]!;
      assert.match(row.item!, /^['?]/, start);
    }
    assert.equal(
      parsed(csv(evil)).find(({ list }) => list === "door")?.item,
      `'${EVIL.replace(/[\x00-\x1f\x7f-\x9f\u2028\u202e]/g, "?")}`,
    );
  });
});
