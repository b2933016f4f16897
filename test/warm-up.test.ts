// Tests the rehearsal of knocks before the first client: how it runs, and that V8 keeps the code that it compiled.

import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { describe, it } from "node:test";
import { fileURLToPath } from "node:url";
import { CLIENTS, warmUp } from "../src/daemon/warm-up.ts";

const src = fileURLToPath(new URL("../src", import.meta.url));

describe("the warm-up", () => {
  it("lets every made-up client open its door", async () => {
    assert.equal(await warmUp(), CLIENTS);
  });

  it("opens nothing in the kernel, prints nothing and leaves nothing that keeps a process alive", () => {
    const script = `
      const { native } = await import(${JSON.stringify(`${src}/platform/native.js`)});
      native.NftSocket = native.NftWatch = class { constructor() { throw new Error("to the kernel"); } };
      const { warmUp } = await import(${JSON.stringify(`${src}/daemon/warm-up.js`)});
      await warmUp();`;
    const { status, stdout, stderr } = node(script);
    assert.deepEqual({ status, stdout, stderr }, { status: 0, stdout: "", stderr: "" });
  });

  // V8 throws compiled code away when an object of another shape comes. The shapes of what it sees at a packet must be those of
  // the rehearsal, wherever the object comes from.
  it("uses the same object shapes as real packets and addresses", () => {
    const script = `
      const { Records } = await import(${JSON.stringify(`${src}/capture/records.js`)});
      const { AddressSet } = await import(${JSON.stringify(`${src}/net/address-set.js`)});
      const first = new Records(1), second = new Records(1);
      const rehearsed = first.at(0);
      const words = new Int32Array(second.buffer), doubles = new Float64Array(second.buffer);
      words.fill(-1);
      doubles[6] = 1795940000.25;
      const real = second.at(0);
      const snapshot = JSON.parse('{"w0":0,"w1":0,"w2":65535,"w3":-969710590}');
      const own = new AddressSet([Object.assign(Object.create(null), snapshot)]).all[0];
      console.log([
        %HaveSameMap(rehearsed, real),
        %HaveSameMap(rehearsed.source, real.source),
        %HaveSameMap(real.source, own),
      ].join());`;
    const { stdout, stderr } = node(script, "--allow-natives-syntax");
    assert.deepEqual({ stdout, stderr }, { stdout: "true,true,true\n", stderr: "" });
  });
});

function node(script: string, ...flags: readonly string[]) {
  return spawnSync(process.execPath, [...flags, "--input-type=module", "-e", script], {
    encoding: "utf8",
    timeout: 60_000,
  });
}
