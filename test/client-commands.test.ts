// Tests the commands that a client is given for knock, nc and curl.
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { parseSequence } from "../src/sequences/sequence.ts";
import { clientLines } from "../src/setup/client-commands.ts";

describe("the commands that a client can run", () => {
  it("use knock, nc and curl", () => {
    assert.deepEqual(clientLines("10.0.0.1", parseSequence("5000,7000,6000")), [
      "knock -d 200 10.0.0.1 5000 7000 6000",
      "for port in 5000 7000 6000; do nc -z -w 1 10.0.0.1 $port; done",
      "for port in 5000 7000 6000; do curl -s --max-time 1 http://10.0.0.1:$port; done",
    ]);
  });

  it("omit curl if a knock is UDP, and put an IPv6 address in a URL into brackets", () => {
    assert.deepEqual(clientLines("fd00::1", parseSequence("5000,7000:udp,6000")), [
      "knock -d 200 fd00::1 5000 7000:udp 6000",
      "nc -z -w 1 fd00::1 5000; echo | nc -u -w 1 fd00::1 7000; nc -z -w 1 fd00::1 6000",
    ]);
    assert.match(clientLines("fd00::1", parseSequence("5000,7000,6000"))[2]!, /http:\/\/\[fd00::1\]:\$port/);
  });
});
