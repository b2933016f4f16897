import assert from "node:assert/strict";
import { it } from "node:test";
import fc from "fast-check";
import { base32, fromBase32 } from "../src/codes/base32.ts";

it("encodes and decodes the vectors of RFC 4648", () => {
  const vectors = {
    "": "",
    f: "MY",
    fo: "MZXQ",
    foo: "MZXW6",
    foob: "MZXW6YQ",
    fooba: "MZXW6YTB",
    foobar: "MZXW6YTBOI",
  };
  for (const [plain, text] of Object.entries(vectors)) {
    assert.equal(base32(Buffer.from(plain)), text);
    assert.equal(Buffer.from(fromBase32(text)!).toString(), plain);
  }
});

it("decodes all bytes that it encodes", () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 64 }), (bytes) => assert.deepEqual(fromBase32(base32(bytes)), bytes)),
  );
});

it("accepts lower case, groups and padding", () => {
  assert.deepEqual(fromBase32("mzxw 6ytb-oi======"), fromBase32("MZXW6YTBOI"));
});

it("rejects anything else", () => {
  for (const text of ["MZXW1", "M", "MZX", "MZXW6Y", "MZ=XQ", "0123", "Ä"])
    assert.equal(fromBase32(text), undefined, text);
});
