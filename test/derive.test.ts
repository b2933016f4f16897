// Tests the vectors of docs/codes.md, by which other programs are written, and those of the RFCs.
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { digitPlaces, hotp, keyPlaces, placesNumber, portsOf, windowAt } from "../src/codes/derive.ts";

const RFC_SECRET = Buffer.from("12345678901234567890");
const KEY = Uint8Array.from({ length: 32 }, (_, i) => i);

describe("RFC 4226, appendix D", () => {
  const table = [755224, 287082, 359152, 969429, 338314, 254676, 287922, 162583, 399871, 520489];
  table.forEach((code, counter) => {
    it(`counter ${counter}`, () => assert.equal(hotp(RFC_SECRET, counter, 6), code));
  });
});

describe("RFC 6238, appendix B, SHA-1", () => {
  const table = {
    59: 94287082,
    1111111109: 7081804,
    1111111111: 14050471,
    1234567890: 89005924,
    2000000000: 69279037,
    20000000000: 65353130,
  };
  for (const [seconds, code] of Object.entries(table)) {
    it(`at ${seconds} s`, () => assert.equal(hotp(RFC_SECRET, windowAt(Number(seconds) * 1000), 8), code));
  }
});

describe("docs/codes.md", () => {
  it("code: two digits choose a port of each hundred", () => {
    assert.equal(hotp(RFC_SECRET, 59_000_000, 6), 561009);
    assert.deepEqual(portsOf([7300, 7100, 7200], digitPlaces(561009, 6)), [7356, 7110, 7209]);
  });

  it("code: leading zeros count", () => {
    assert.deepEqual(digitPlaces(7081804, 8), [7, 8, 18, 4]);
    assert.deepEqual(digitPlaces(5, 6), [0, 0, 5]);
  });

  it("key: ten bits of the HMAC choose a port of each block", () => {
    const places = keyPlaces(KEY, { door: "ssh", client: "laptop", counter: 59_000_000 });
    assert.deepEqual(portsOf([9216, 3072, 14336, 17408, 11264], places), [9246, 3190, 15233, 17863, 12065]);
  });

  it("key: the address that it is bound to changes every port", () => {
    const message = { door: "ssh", client: "laptop", counter: 59_000_000 };
    const bound = keyPlaces(KEY, { ...message, address: "192.0.2.1" });
    assert.notDeepEqual(bound, keyPlaces(KEY, message));
    assert.notDeepEqual(bound, keyPlaces(KEY, { ...message, address: "192.0.2.2" }));
  });

  it("a window lasts thirty seconds", () => {
    assert.equal(windowAt(59_999), 1);
    assert.equal(windowAt(60_000), 2);
  });
});

it("compares guesses as one number", () => {
  assert.equal(placesNumber([56, 10, 9], 100), 561009);
  assert.equal(placesNumber([1023, 1023, 1023, 1023, 1023], 1024), 2 ** 50 - 1);
});
