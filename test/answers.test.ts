// Tests which TCP segments may be answers to a connection that this host opened, and that the filter agrees.
import assert from "node:assert/strict";
import { it } from "node:test";
import { mayBeAnswer, NO_ANSWER } from "../src/capture/answers.ts";
import { flagsMatch, TCP_FLAG_BITS } from "../src/net/tcp-flags.ts";

const { fin, syn, rst, psh, ack, urg } = TCP_FLAG_BITS;

it("replies to our connections are a SYN+ACK, segments with ACK, and resets", () => {
  for (const flags of [syn | ack, ack, ack | psh, ack | psh | urg, ack | fin, rst, rst | ack]) {
    assert.equal(mayBeAnswer(flags), true, `${flags}`);
  }
  for (const flags of [
    0,
    syn,
    fin,
    psh,
    urg,
    fin | psh | urg,
    syn | rst,
    syn | fin,
    syn | fin | ack,
    syn | rst | ack,
  ]) {
    assert.equal(mayBeAnswer(flags), false, `${flags}`);
  }
});

it("the classes of the filter contain all other combinations of flags, and no reply", () => {
  for (let flags = 0; flags < 64; flags++) {
    const isTold = NO_ANSWER.some((wanted) => flagsMatch(wanted, flags));
    assert.equal(isTold, !mayBeAnswer(flags), `${flags}`);
  }
});
