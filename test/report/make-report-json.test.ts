import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { json } from "../../src/report/make-report.ts";
import { evil, HARMFUL } from "./sample.ts";

describe("the JSON", () => {
  it("is the whole report, and harmless for a terminal", () => {
    assert.deepEqual(JSON.parse(json(evil)), evil);
    assert.doesNotMatch(json(evil), HARMFUL);
  });
});
