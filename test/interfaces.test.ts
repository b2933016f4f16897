// Which addresses are ours. Those of real interfaces: live/listening.test.ts.

import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { parseAddress } from "../src/address.ts";
import { OwnAddresses } from "../src/capture/interfaces.ts";

const address = (text: string) => parseAddress(text)!;

describe("own addresses", () => {
  const own = new OwnAddresses(["10.77.0.1", "fd77::1"].map(address));

  it("are those that were given, and no others, in any order and again", () => {
    const asked = ["10.77.0.1", "10.77.0.1", "10.77.0.2", "10.77.0.2", "fd77::1", "fd77::2", "10.77.0.1", "fd77::1"];
    const ours = asked.filter((text) => own.has(address(text)));
    assert.deepEqual(ours, ["10.77.0.1", "10.77.0.1", "fd77::1", "10.77.0.1", "fd77::1"]);
  });

  it("are told apart although packets come in one object that is filled again and again", () => {
    const reused = { ...address("10.77.0.1") };
    assert.equal(own.has(reused), true);
    reused.w3++;
    assert.equal(own.has(reused), false);
    reused.w3--;
    assert.equal(own.has(reused), true);
  });

  it("of an interface that does not exist are none", () => {
    const none = OwnAddresses.of("nope", false);
    assert.deepEqual(none.all, []);
    assert.equal(none.has(address("127.0.0.1")), false);
  });
});
