import assert from "node:assert/strict";
import { createHash, randomBytes } from "node:crypto";
import { describe, it } from "node:test";
import { parseSecret, Secret } from "../src/codes/secret.ts";

describe("the fingerprint of a secret", () => {
  // It is in the records of used codes: with another one, used codes would count again.
  it("stays the same for a secret of any length, in each form", () => {
    for (const length of [10, 20, 31, 32, 33, 64, 32]) {
      const bytes = randomBytes(length);
      const expected = createHash("sha256").update("knockd-ng client\n").update(bytes).digest("hex").slice(0, 16);
      assert.equal(new Secret(bytes).fingerprint, expected, `${length}`);
      assert.equal(parseSecret(new Secret(bytes).text("code"), "code").fingerprint, expected);
      if (length === 32) assert.equal(parseSecret(bytes.toString("hex").toUpperCase(), "key").fingerprint, expected);
    }
  });
});
