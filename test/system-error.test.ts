import assert from "node:assert/strict";
import * as fs from "node:fs";
import { connect } from "node:net";
import { it } from "node:test";
import { systemErrorText } from "../src/platform/system-error.ts";

const words = (action: () => void) => {
  try {
    action();
  } catch (error) {
    return systemErrorText(error);
  }
  return assert.fail("it worked");
};

it("errors have the text of perror, as in 0.8", () => {
  assert.equal(
    words(() => fs.openSync("/no/such, open", "r")),
    "No such file or directory",
  );
  assert.equal(
    words(() => fs.readFileSync("/")),
    "Is a directory",
  );
});

it("errors about sockets have the same text", async () => {
  const error = await new Promise((resolve) => connect("/no/such").once("error", resolve));
  assert.equal(systemErrorText(error), "No such file or directory");
});
