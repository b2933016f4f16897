// Whoever is passed over is so until its end, and nobody else.
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { Pauses } from "../src/attempts/pauses.ts";

describe("a pause", () => {
  it("is on until its end, for its key alone", () => {
    const pauses = new Pauses();
    pauses.begin(-5, 1000);
    assert.deepEqual([pauses.isOn(-5, 0), pauses.isOn(-5, 999), pauses.isOn(-5, 1000)], [true, true, false]);
    assert.deepEqual([pauses.isOn(5, 0), pauses.isOn(0, 0)], [false, false]);
  });
  it("may be lengthened, and ends with the latest word", () => {
    const pauses = new Pauses();
    pauses.begin(1, 1000);
    pauses.begin(1, 2000);
    assert.equal(pauses.isOn(1, 1500), true);
  });
});
