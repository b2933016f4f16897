// Tests the gate under attack: the daemon is killed at random moments (in CI a hundred times) and root flushes the rules,
// while one client connects as fast as it can without having knocked, and another does after a knock.
import assert from "node:assert/strict";
import { join } from "node:path";
import { after, afterEach, before, describe, it } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { frame } from "../frame.ts";
import { until } from "../time-limit.ts";
import { Daemon } from "./daemon.ts";
import { elements, nft, serve } from "./gate-wire.ts";
import { needsRoot, repo, Wire } from "./wire.ts";

/** CI kills it a hundred times. Each kill needs a start of the daemon. */
const KILLS = process.env.CI ? 100 : 30;
const FLUSHES = 20;
const STRANGER = "10.77.0.3";
const FOR_SECONDS = 15;
const CONFIG = `[options]
On_Exit = keep
[openSSH]
sequence = 7000,8000,9000
open = tcp/22
for = ${FOR_SECONDS}s
[long]
sequence = 7001,8001,9001
open = tcp/22
for = 1h
`;

/**
 * Connects from one address, again and again. At the end of its input, it prints how often it tried and how often it
 * got in.
 */
const CONNECTING = `
import select, socket, sys
source, target = sys.argv[1:3]
tries = got_in = 0
errors = {}
while not select.select([0], [], [], 0)[0]:
    s = socket.socket()
    s.settimeout(1)
    try:
        s.bind((source, 0))
        s.connect((target, 22))
        got_in += 1
    except ConnectionResetError: got_in += 1 # by the server
    except TimeoutError: continue # the server did not keep up; the gate answers at once
    except OSError as error: errors[str(error)] = errors.get(str(error), 0) + 1
    s.close()
    tries += 1
print(tries, got_in, errors)
`;

describe("the gate under fire", { skip: needsRoot }, () => {
  let wire: Wire;

  before(async () => {
    wire = await Wire.open();
    await wire.run("client", ["ip", "address", "add", `${STRANGER}/24`, "dev", "eth0"]);
    await serve(wire, [22], "resets");
  });
  after(() => wire?.close());
  afterEach(() => nft(wire, "flush ruleset\n"));

  /** The returned function ends it. */
  function connecting(from: string): () => Promise<{ tries: number; in: number; errors: string }> {
    const child = wire.spawn("client", ["python3", "-c", CONNECTING, from, wire.server], {
      stdio: ["pipe", "pipe", "inherit"],
    });
    let said = "";
    child.stdout!.on("data", (text) => (said += text));
    return async () => {
      child.stdin!.end();
      await new Promise((resolve) => child.once("close", resolve));
      const [, tries, got, errors] = /^(\d+) (\d+) (.*)$/m.exec(said)!;
      return { tries: Number(tries), in: Number(got), errors: errors! };
    };
  }

  it("killed at random moments: no client is in that should be out, and none is out before its time", async (t) => {
    const first = await Daemon.start(wire, "ours", CONFIG);
    await knockFrom(wire.client, [7001, 8001, 9001]);
    await first.waitFor(`${wire.client}: long: opened tcp/22`);
    await first.stop("SIGKILL");
    const { dir } = first;
    const [stranger, guest] = [connecting(STRANGER), connecting(wire.client)];

    const knocked = new Set([wire.client]);
    /** For each address, the earliest end of its time. */
    const promised = new Map<string, number>();
    let [early, late, opened, knockMs] = [0, 0, 0, 50];
    for (let i = 0; i < KILLS; i++) {
      // One in three is killed while it starts, the others while clients knock.
      const whileStarting = i % 3 === 0;
      const daemon = await Daemon.start(wire, "ours", CONFIG, undefined, {
        dir,
        ...(whileStarting ? { ready: "" } : {}),
      });
      const client = `10.77.0.${50 + (i % 200)}`;
      knocked.add(client);
      const most = whileStarting ? 600 : 3 * knockMs;
      const kill = sleep(Math.random() * most).then(() => daemon.stop("SIGKILL"));
      for (let tries = 0; tries < 4 && daemon.ended === undefined; tries++) {
        const begun = performance.now();
        await knockFrom(client, [7000, 8000, 9000]);
        knockMs = performance.now() - begun;
      }
      await kill;
      const asked = performance.now();
      const open = (await elements(wire, "open4"))!;
      const answered = performance.now();
      for (const { key, expires } of open) {
        const [address] = key.split(" ") as [string];
        if (!knocked.has(address)) early++;
        if (address !== wire.client && expires! > FOR_SECONDS) early++;
        if (!promised.has(address)) opened++;
        promised.set(address, Math.max(promised.get(address) ?? 0, asked + expires! * 1000));
      }
      const there = new Set(open.map(({ key }) => key.split(" ")[0]));
      for (const [address, time] of promised) if (time > answered && !there.has(address)) late++;
    }
    const [strange, known] = [await stranger(), await guest()];
    t.diagnostic(
      `${KILLS} kills, ${opened} clients let in; a stranger got in ${strange.in} times of ${strange.tries}, ` +
        `a guest ${known.in} times of ${known.tries} ${known.errors}`,
    );
    assert.deepEqual({ early, late }, { early: 0, late: 0 });
    assert.ok(opened > KILLS / 10, `${opened} were opened`);
    assert.equal(strange.in, 0);
    assert.ok(strange.tries > 1000, `${strange.tries} tries`);
    assert.equal(known.in, known.tries, known.errors);
    // No process is left that could close them.
    const closed = async () => (await elements(wire, "open4"))!.map(({ comment }) => comment);
    await until(async () => (await closed()).length === 1, (FOR_SECONDS + 5) * 1000, 250);
    assert.deepEqual(await closed(), ["long"]);
  });

  it("flushed by root while the daemon runs: no client gets in if the kernel lets knockd own its table", async (t) => {
    const daemon = await Daemon.start(wire, "ours", CONFIG);
    await knockFrom(wire.client, [7001, 8001, 9001]);
    await daemon.waitFor(`${wire.client}: long: opened tcp/22`);
    const { strange, known } = await flushes();
    t.diagnostic(
      `a stranger got in ${strange.in} times of ${strange.tries}, a guest ${known.in} of ${known.tries} ${known.errors}`,
    );
    assert.equal(strange.in, 0);
    assert.equal(known.in, known.tries, known.errors);
    await daemon.stop();
    await nft(wire, "delete table inet knockd\n");
  });

  it("flushed by root on other kernels: no client gets in behind the backstop, and the open door stays open", async (t) => {
    const gate = wire.spawn("server", [process.execPath, join(repo, "dist/test/live/plain-gate.js"), wire.client], {
      stdio: ["pipe", "pipe", "inherit"],
    });
    let said = "";
    gate.stdout!.on("data", (text) => (said += text));
    await until(() => said.includes("ready"), 10_000);
    const { strange, known } = await flushes();
    t.diagnostic(
      `a stranger got in ${strange.in} times of ${strange.tries}, a guest ${known.in} of ${known.tries} ${known.errors}`,
    );
    await until(() => said.split("restored 1").length > FLUSHES, 5000);
    assert.equal(said.split("restored 1").length - 1, FLUSHES, said);
    assert.equal(strange.in, 0);
    assert.ok(strange.tries > 1000, `${strange.tries} tries`);
    assert.equal(known.in, known.tries, known.errors);
    const [open] = (await elements(wire, "open4"))!;
    assert.equal(open!.key, `${wire.client} tcp 22`);
    assert.ok(open!.expires! > 500);
    gate.kill();
  });

  async function flushes() {
    const [stranger, guest] = [connecting(STRANGER), connecting(wire.client)];
    await sleep(300);
    for (let i = 0; i < FLUSHES; i++) {
      await nft(wire, "flush ruleset\n");
      await sleep(150);
    }
    return { strange: await stranger(), known: await guest() };
  }

  let sequence = 0;

  async function knockFrom(from: string, ports: readonly number[]): Promise<void> {
    const knock = (port: number, i: number) => ({
      at: i * 0.01,
      frame: frame({ from, to: wire.server, protocol: "tcp", port, seq: ++sequence }),
    });
    await wire.send(ports.map(knock));
  }
});
