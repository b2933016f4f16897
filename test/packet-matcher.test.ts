// Tests which doors accept a packet, and the reason if none does. With doors and attempts: attempts.test.ts.

import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { MatchRule } from "../src/attempts/door-state.ts";
import { PacketMatcher } from "../src/attempts/packet-matcher.ts";
import { VERDICT } from "../src/events/observer.ts";
import { formatAddress, parseAddress } from "../src/net/address.ts";
import { ANY_FLAGS, addTcpFlags } from "../src/net/tcp-flags.ts";
import type { TcpFlag } from "./frame.ts";
import { toPacket } from "./story.ts";

const hearer = () => new PacketMatcher((address) => formatAddress(address) === "10.77.0.1");
const syn = (to: string, flags: TcpFlag[] = ["syn"]) =>
  toPacket({ from: "10.77.0.2", to, port: 1, protocol: "tcp", flags, sourcePort: 2, seq: 3 });
const here: MatchRule = { flags: addTcpFlags(ANY_FLAGS, "syn,!ack"), targets: undefined };
const there: MatchRule = { flags: ANY_FLAGS, targets: [parseAddress("192.0.2.1")!] };

describe("the packet matcher", () => {
  it("matches packets to this host with the right flags, or to the Target", () => {
    assert.equal(hearer().matches(here, syn("10.77.0.1")), true);
    assert.equal(hearer().matches(here, syn("10.77.0.1", ["syn", "ack"])), false);
    assert.equal(hearer().matches(here, syn("192.0.2.1")), false);
    assert.equal(hearer().matches(there, syn("192.0.2.1")), true);
    assert.equal(hearer().matches(there, syn("10.77.0.1")), false);
    assert.equal(hearer().matchesAny([here, there], syn("192.0.2.1", ["rst"])), true);
    assert.equal(hearer().matchesAny([here, there], syn("192.0.2.2")), false);
  });

  it("reuses its result for equal packets until it is told to forget it", () => {
    const one = hearer();
    assert.equal(one.matchesAny([here], syn("10.77.0.1")), true);
    assert.equal(one.matches(here, syn("192.0.2.9")), true, "it was said to be like the one before");
    one.forget();
    assert.equal(one.matches(here, syn("192.0.2.9")), false);
  });

  it("returns the reason for a mismatch", () => {
    assert.equal(hearer().mismatch([here, there], syn("10.77.0.1", ["rst"])), VERDICT.flags);
    assert.equal(hearer().mismatch([here, there], syn("192.0.2.9")), VERDICT.address);
  });
});
