import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { json } from "../../src/report/json.ts";
import { evil, HARMFUL } from "./sample.ts";

describe("the JSON", () => {
  it("is the report, whatever is in it, in ASCII", () => {
    assert.deepEqual(JSON.parse(json(evil)), evil);
    assert.doesNotMatch(json(evil), HARMFUL);
    assert.match(json(evil), /^[\x20-\x7e\n]*$/);
  });
});
