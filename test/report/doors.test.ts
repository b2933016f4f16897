import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { Doors } from "../../src/report/count/doors.ts";
import { KnockLine } from "../../src/report/read/knock-line.ts";

function count(...messages: string[]): Doors {
  const [doors, line] = [new Doors(), new KnockLine()];
  for (const message of messages) {
    assert.ok(line.read(message), message);
    doors.add(line);
  }
  return doors;
}

describe("doors", () => {
  it("have counts of knocks begun, opened and failed", () => {
    const doors = count(
      "1.1.1.1: b: Stage 1",
      "1.1.1.1: a: Stage 1",
      "1.1.1.1: b: Stage 1",
      "1.1.1.1: b: OPEN SESAME",
      "1.1.1.1: b: sequence timeout (stage 1)",
    );
    assert.deepEqual(doors.rows(), [
      { door: "b", begun: 2, opened: 1, failed: 1 },
      { door: "a", begun: 1, opened: 0, failed: 0 },
    ]);
    assert.deepEqual(doors.leftOut(), []);
  });

  it("report knocks that are missing", () => {
    const doors = count(
      "3 similar lines (Stage 1)",
      "4 similar lines (sequence timeout)",
      ...Array.from({ length: 1002 }, (_, i) => `1.1.1.1: ${i}: Stage 1`),
    );
    assert.equal(doors.rows().length, 1000);
    assert.deepEqual(doors.leftOut(), [
      "knockd did not log 7 lines about knocks that began or failed: the counts of the doors lack them.",
      "2 lines named doors beyond the 1000 that are counted.",
    ]);
  });
});
