// Tests that the addon opens a door at the expected knock, and at no other packet, before JavaScript runs.
import assert from "node:assert/strict";
import type { ChildProcess } from "node:child_process";
import { join } from "node:path";
import { after, afterEach, before, describe, it } from "node:test";
import { parseAddress } from "../../src/net/address.ts";
import type { ExpectedKnock } from "../../src/net/expected-knock.ts";
import { frame, type Segment } from "../frame.ts";
import { until } from "../time-limit.ts";
import { needsRoot, repo, Wire } from "./wire.ts";

describe("an expected knock", { skip: needsRoot }, () => {
  let wire: Wire;
  let gate: ChildProcess;
  let lines: string[] = [];
  let sent = 0;

  before(async () => {
    wire = await Wire.open();
  });
  after(() => wire?.close());
  afterEach(async () => {
    gate.stdin!.end();
    const ended = await until(() => gate.exitCode !== null || gate.signalCode !== null, 10_000);
    assert.deepEqual([ended, gate.exitCode], [true, 0], lines.join("\n"));
  });

  async function start(): Promise<void> {
    const program = join(repo, "dist/test/live/expected-gate.js");
    gate = wire.spawn("server", [process.execPath, program, wire.client, wire.server], {
      stdio: ["pipe", "pipe", "inherit"],
    });
    let text = "";
    lines = [];
    gate.stdout!.on("data", (more) => {
      text += more;
      lines = text.split("\n").slice(0, -1);
    });
    await line(() => lines.includes("ready"));
    lines = [];
    text = "";
  }
  const line = async (holds: () => boolean) =>
    assert.ok((await until(() => holds() || gate.exitCode !== null, 20_000)) && holds(), lines.join("\n"));

  async function tell(what: object): Promise<string> {
    const count = lines.length;
    gate.stdin!.write(`${JSON.stringify(what)}\n`);
    await line(() => lines.slice(count).some((one) => one.startsWith("done")));
    return lines.at(-1)!;
  }

  const expected = (): ExpectedKnock => ({
    source: parseAddress(wire.client)!,
    destination: parseAddress(wire.server)!,
    port: 9000,
    protocol: 6,
    flags: 2,
    soonest: 0,
    latest: 60_000,
  });

  /** Sends packets at once. Returns what was said about them. */
  async function send(...segments: readonly Partial<Segment>[]): Promise<string[]> {
    const count = lines.length;
    const frames = segments.map((segment) =>
      frame({ from: wire.client, to: wire.server, protocol: "tcp", port: 9000, seq: ++sent, ...segment }),
    );
    await wire.send(frames.map((bytes) => ({ at: 0, frame: bytes })));
    await line(() => lines.length >= count + segments.length);
    return lines.slice(count);
  }

  it("opens the door before JavaScript sees it", async () => {
    await start();
    await tell({ expect: expected() });
    assert.deepEqual(await send({}), ["9000 in"]);
    await tell({ open: true });
    assert.equal(lines.at(-2), "opened");
    assert.equal(await tell({ end: true }), "done, in");
  });

  it("is taken back if nobody opens the door", async () => {
    await start();
    await tell({ expect: expected() });
    assert.deepEqual(await send({}), ["9000 in"]);
    assert.equal(await tell({ end: true }), "done, out");
  });

  it("opens nothing later, once another packet has come", async () => {
    await start();
    await tell({ expect: expected() });
    assert.deepEqual(await send({ port: 7000 }, {}), ["7000 out", "9000 out"]);
    assert.deepEqual(await send({}), ["9000 out"]);
    assert.equal(await tell({ end: true }), "done, out");
  });

  it("opens once, and the packets that come with it are read in order, each once", async () => {
    await start();
    await tell({ expect: expected() });
    assert.deepEqual(await send({}, { port: 7000 }, { port: 8000 }, {}), ["9000 in", "7000 in", "8000 in", "9000 in"]);
    assert.equal(await tell({ end: true }), "done, out");
  });

  const others: Record<string, { packet?: Partial<Segment>; knock?: Partial<ExpectedKnock> }> = {
    "another port": { packet: { port: 8000 } },
    "another client": { packet: { from: "10.77.0.9" } },
    "another address of this host": { packet: { from: "10.77.0.2", to: "10.77.0.1" }, knock: { destination: own(9) } },
    "other flags": { packet: { flags: ["syn", "fin"] } },
    "another protocol": { packet: {}, knock: { protocol: 17 } },
    "a knock that comes too soon": { knock: { soonest: 50_000 } },
    "a knock that comes too late": { knock: { latest: 0 } },
  };
  function own(last: number) {
    return parseAddress(`10.77.0.${last}`)!;
  }
  for (const [what, { packet = {}, knock = {} }] of Object.entries(others)) {
    it(`is not ${what}`, async () => {
      await start();
      await tell({ expect: { ...expected(), ...knock } });
      const [said] = await send(packet);
      assert.match(said!, / out$/);
      assert.deepEqual(await send({}), ["9000 out"], "only the next packet counts");
    });
  }

  it("opens nothing after the socket is closed", async () => {
    await start();
    await tell({ expect: expected() });
    await tell({ close: true });
    assert.match((await send({}))[0]!, /^9000 /);
  });
});
