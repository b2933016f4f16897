import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { filesOf, isAlone } from "./files.ts";

const FILES = [
  "stamp",
  "knock",
  "client-page",
  "process-group",
  "report/csv",
  "report/page/page",
  "live/scan",
  "live/init",
  "boot/unit",
  "howto/howto",
  "arm/arm",
];

describe("the files of a run", () => {
  it("are all except those of booted machines, the slow ones first", () => {
    assert.deepEqual(filesOf("all", FILES), [
      "live/init",
      "report/page/page",
      "client-page",
      "knock",
      "live/scan",
      "process-group",
      "report/csv",
      "stamp",
    ]);
  });
  it("are those that need no root, no 0.8 and no browser", () => {
    assert.deepEqual(filesOf("unit", FILES), ["process-group", "report/csv", "stamp"]);
  });
  it("are those of booted machines", () => {
    assert.deepEqual(filesOf("boot", FILES), ["boot/unit", "howto/howto"]);
  });
  it("are none if only the format is checked", () => {
    assert.deepEqual(filesOf("lint", FILES), []);
  });
  it("run alone if they measure", () => {
    assert.deepEqual(FILES.filter(isAlone), ["live/scan"]);
  });
});
