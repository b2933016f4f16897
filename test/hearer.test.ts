// Who hears a packet, and why nobody does. With doors and attempts: attempts.test.ts.

import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { Hearing } from "../src/attempts/ears.ts";
import { Hearer } from "../src/attempts/hearer.ts";
import { FATE } from "../src/attempts/witness.ts";
import { formatAddress, parseAddress } from "../src/net/address.ts";
import { ANY_FLAGS, addTcpFlags } from "../src/net/tcp-flags.ts";
import type { TcpFlag } from "./frame.ts";
import { toPacket } from "./story.ts";

const hearer = () => new Hearer((address) => formatAddress(address) === "10.77.0.1");
const syn = (to: string, flags: TcpFlag[] = ["syn"]) =>
  toPacket({ from: "10.77.0.2", to, port: 1, protocol: "tcp", flags, sourcePort: 2, seq: 3 });
const here: Hearing = { flags: addTcpFlags(ANY_FLAGS, "syn,!ack"), targets: undefined };
const there: Hearing = { flags: ANY_FLAGS, targets: [parseAddress("192.0.2.1")!] };

describe("the hearer", () => {
  it("hears what is for us, with the flags; or for the Target", () => {
    assert.equal(hearer().hears(here, syn("10.77.0.1")), true);
    assert.equal(hearer().hears(here, syn("10.77.0.1", ["syn", "ack"])), false);
    assert.equal(hearer().hears(here, syn("192.0.2.1")), false);
    assert.equal(hearer().hears(there, syn("192.0.2.1")), true);
    assert.equal(hearer().hears(there, syn("10.77.0.1")), false);
    assert.equal(hearer().isHeard([here, there], syn("192.0.2.1", ["rst"])), true);
    assert.equal(hearer().isHeard([here, there], syn("192.0.2.2")), false);
  });

  it("takes over what it found for packets that are alike, until it forgets", () => {
    const one = hearer();
    assert.equal(one.isHeard([here], syn("10.77.0.1")), true);
    assert.equal(one.hears(here, syn("192.0.2.9")), true, "it was said to be like the one before");
    one.forget();
    assert.equal(one.hears(here, syn("192.0.2.9")), false);
  });

  it("says why nobody does", () => {
    assert.equal(hearer().whyNot([here, there], syn("10.77.0.1", ["rst"])), FATE.flags);
    assert.equal(hearer().whyNot([here, there], syn("192.0.2.9")), FATE.address);
  });
});
