// Tests the self-test: it finds what a filter would drop, for every link type, IP version, protocol and stage, and
// nothing if the filter is right.

import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { buildFilter } from "../src/capture/bpf/filter.ts";
import { tryKnocks } from "../src/capture/self-test.ts";
import { parseConfig } from "../src/config/parse.ts";
import type { ResolvedDoor } from "../src/config/resolved-door.ts";
import { parseAddress } from "../src/net/address.ts";

const config = `
[tcp]
  sequence = 7000,8000,9000
  tcpflags = syn,!ack
[mixed]
  sequence = 7000:udp,8001,9001:udp
[target]
  sequence = 7002
  target = 10.77.9.9
`;
const resolvedDoors = parseConfig(config, "", () => undefined).doors.map(
  (door): ResolvedDoor => ({ door, targets: door.target && [parseAddress(door.target.host)!] }),
);
const addresses = ["10.77.0.1", "10.77.0.9", "fd77::1"].map((text) => parseAddress(text)!);

describe("the self-test", () => {
  for (const linkType of [0, 1, 12, 101, 108, 113, 276]) {
    const filter = (own = addresses, doors = resolvedDoors) => buildFilter({ linkType, own, resolvedDoors: doors });
    const test = (program: Uint8Array) => tryKnocks(program, linkType, addresses, resolvedDoors).deafTo;

    it(`finds no fault with its own filter on link type ${linkType}`, () => {
      // Six knocks at three addresses, and one at the target.
      assert.deepEqual(tryKnocks(filter(), linkType, addresses, resolvedDoors), { tried: 19, deafTo: undefined });
    });

    it(`reports a missing knock, door, address or IP version on link type ${linkType}`, () => {
      const [tcp, mixed, target] = resolvedDoors as [ResolvedDoor, ResolvedDoor, ResolvedDoor];
      const shorter = { ...tcp, door: { ...tcp.door, sequence: tcp.door.sequence.slice(0, 2) } };
      assert.equal(test(filter(addresses, [shorter, mixed, target])), "knock 3 of tcp would be missed");
      assert.equal(test(filter(addresses, [tcp, target])), "knock 1 of mixed would be missed");
      assert.equal(test(filter(addresses, [tcp, mixed])), "knock 1 of target would be missed");
      for (const gone of addresses) {
        assert.match(test(filter(addresses.filter((one) => one !== gone))) ?? "", /would be missed/);
      }
    });
  }

  it("does not reveal ports", () => {
    const program = buildFilter({ linkType: 1, own: [], resolvedDoors });
    assert.doesNotMatch(tryKnocks(program, 1, addresses, resolvedDoors).deafTo!, /7000|8000|9000/);
  });
});
