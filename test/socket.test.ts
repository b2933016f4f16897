// Tests one socket of the daemon: its answers, and what it does with clients that flood, stall or send nonsense.
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import * as fs from "node:fs";
import { connect, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, afterEach, describe, it } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { SelfTest } from "../src/control/commands/self-test.ts";
import { type Handler, onlyForRoot, requireString, type StreamHandler } from "../src/control/handler.ts";
import { type Answer, requestLine } from "../src/control/protocol.ts";
import { ControlSocket } from "../src/control/socket.ts";

import { needsRoot } from "./live/wire.ts";
import { scaled } from "./time-limit.ts";

const dir = fs.mkdtempSync(join(tmpdir(), "control-"));
after(() => fs.rmSync(dir, { recursive: true }));

describe("the daemon's socket", () => {
  const sockets: ControlSocket[] = [];
  const clients: Socket[] = [];
  const watchers = new Set<(answer: Answer) => void>();
  const NOTHING = { addresses: [], tried: 0 };
  let paths = 0;
  const newPath = () => join(dir, `${++paths}.sock`);
  afterEach(async () => {
    for (const socket of sockets.splice(0)) socket.close();
    for (const client of clients.splice(0)) client.destroy();
    while (watchers.size > 0) await sleep(5);
  });

  async function open(path: string, answers: readonly Answer[] = [], group?: number): Promise<string[]> {
    const troubles: string[] = [];
    const say = (name: string): Answer[] => [{ type: "interface", interface: name, state: "hears", ...NOTHING }];
    const answered = new Map<string, Handler>([
      ["self-test", async () => answers],
      ["name", ({ args }) => say(requireString(args, "name"))],
      [
        "change",
        (request) => {
          onlyForRoot(request);
          return say("changed");
        },
      ],
    ]);
    const watch: StreamHandler = (_, send) => {
      const one = (answer: Answer) => send(answer);
      watchers.add(one);
      return () => void watchers.delete(one);
    };
    const streamed = new Map([["watch", watch]]);
    const trouble = (why: string) => troubles.push(why);
    const socket = new ControlSocket({ path, group, config: "/etc/x.conf", handlers: { answered, streamed }, trouble });
    sockets.push(socket);
    await socket.open();
    return troubles;
  }

  function client(path: string): Socket {
    const socket = connect({ path, allowHalfOpen: true }).on("error", () => {});
    clients.push(socket);
    return socket;
  }

  /** The whole answer, or as much of it as came before we were disconnected. */
  function talk(path: string, request: string | Buffer): Promise<string> {
    return new Promise((resolve) => {
      let text = "";
      const socket = client(path);
      socket.on("data", (more) => (text += more)).on("close", () => resolve(text));
      socket.on("end", () => socket.destroy());
      socket.write(request);
    });
  }
  /**
   * Asks as knockctl does, until it is not disconnected. On Node 18, many clients at once are an accept storm, after
   * which the socket pauses.
   */
  async function talkAgain(path: string, request: string): Promise<string> {
    for (;;) {
      const text = await talk(path, request);
      if (text !== "") return text;
      await sleep(20);
    }
  }
  const types = (text: string) =>
    text
      .split("\n")
      .slice(0, -1)
      .map((line) => JSON.parse(line).type);
  const works = async (path: string) =>
    assert.deepEqual(types(await talk(path, requestLine("self-test"))), ["daemon", "end"]);

  it("answers, is only for root, and is removed with the daemon", async () => {
    const path = newPath();
    const answer: Answer = { type: "interface", interface: "eth0", state: "hears", addresses: ["10.0.0.1"], tried: 3 };
    assert.deepEqual(await open(path, [answer]), []);
    assert.equal(fs.statSync(path).mode & 0o777, 0o600);
    const [first, ...more] = (await talk(path, requestLine("self-test"))).split("\n");
    const { pid, config, version } = JSON.parse(first!);
    assert.deepEqual({ pid, config, version }, { pid: process.pid, config: "/etc/x.conf", version: 1 });
    assert.deepEqual(more, [JSON.stringify({ version: 1, ...answer }), '{"version":1,"type":"end"}', ""]);
    sockets[0]!.close();
    assert.equal(fs.existsSync(path), false);
  });

  it("replaces the socket of a dead daemon, but not that of a running one", async () => {
    const path = newPath();
    const bind = "import socket, sys; socket.socket(socket.AF_UNIX).bind(sys.argv[1])";
    assert.equal(spawnSync("python3", ["-c", bind, path]).status, 0);
    assert.ok(fs.statSync(path).isSocket());
    assert.deepEqual(await open(path), []);
    await works(path);
    assert.deepEqual(await open(path), [`${path}: Another process listens there`]);
    await works(path);
  });

  it("that cannot be made is reported, and nothing else happens", async () => {
    const path = newPath();
    fs.mkdirSync(path);
    assert.deepEqual(await open(path), [`${path}: Is a directory`]);
  });

  const bad: [what: string, request: string | Buffer, error: RegExp][] = [
    ["garbage", Buffer.from([0xff, 0, 0x80, 10, 0xc3, 10]), /not JSON/],
    ["no object", "[]\n", /version/],
    ["a number", "7\n", /not an object/],
    ["another version", '{"version":2,"command":"self-test"}\n', /version 1/],
    ["no command", '{"version":1}\n', /no command/],
    ["args that are none", '{"version":1,"command":"name","args":[]}\n', /args are not an object/],
    ["an unknown command", requestLine("no-such"), /does not know/],
    ["a command of an object's own", requestLine("constructor"), /does not know/],
    ["a line without an end", "x".repeat(5000), /too long/],
    ["a long line", `${"x".repeat(5000)}\n`, /too long/],
    ["a flood", Buffer.alloc(8 << 20, "x"), /too long/],
  ];
  for (const [what, request, error] of bad) {
    it(`reports what is wrong with ${what}`, async () => {
      const path = newPath();
      await open(path);
      const { type, error: why } = JSON.parse(await talk(path, request));
      assert.equal(type, "error");
      assert.match(why, error);
      await works(path);
    });
  }

  for (const args of [{}, { name: 7 }]) {
    it(`refuses unusable args of a command, ${JSON.stringify(args)}`, async () => {
      const path = newPath();
      await open(path);
      const text = await talk(path, requestLine("name", args));
      assert.deepEqual(types(text), ["daemon", "refused", "end"]);
      assert.equal(JSON.parse(text.split("\n")[1]!).why, "the request has no name");
    });
  }

  it("passes the args on exactly", async () => {
    const path = newPath();
    await open(path);
    const name = '"Tür"\n\u0000 ☂'.repeat(50);
    const [, answer] = (await talk(path, requestLine("name", { name }))).split("\n");
    assert.equal(JSON.parse(answer!).interface, name);
  });

  it("allows changes only on root's socket, and the other one belongs to the group", { skip: needsRoot }, async () => {
    const [roots, readers] = [newPath(), newPath()];
    await open(roots);
    assert.deepEqual(types(await talk(roots, requestLine("change"))), ["daemon", "interface", "end"]);
    assert.deepEqual(await open(readers, [], 64_123), []);
    const [, refused] = (await talk(readers, requestLine("change"))).split("\n");
    assert.equal(refused, '{"version":1,"type":"refused","why":"only root may do that"}');
    await works(readers);
    const { mode, uid, gid } = fs.statSync(readers);
    assert.deepEqual([mode & 0o777, uid, gid], [0o660, 0, 64_123]);
  });

  it("reads only the first request", async () => {
    const path = newPath();
    await open(path);
    assert.deepEqual(types(await talk(path, requestLine("self-test").repeat(50))), ["daemon", "end"]);
  });

  it("answers clients that send only their request, and disconnects those that send none", async () => {
    const path = newPath();
    await open(path);
    const polite = new Promise<string>((resolve) => {
      let text = "";
      const socket = client(path);
      socket.on("data", (more) => (text += more)).on("end", () => resolve(text));
      socket.end(requestLine("self-test"));
    });
    assert.deepEqual(types(await polite), ["daemon", "end"]);
    const silent = client(path);
    const gone = new Promise((resolve) => silent.once("close", resolve));
    silent.resume().end('{"version":1');
    await gone;
  });

  it("stays available for others while 400 clients send half a line or never read", {
    timeout: scaled(60_000),
  }, async () => {
    const path = newPath();
    await open(path, Array(1400).fill({ type: "interface", interface: "x".repeat(100), state: "hears" }));
    const cutOff = new Set<Socket>();
    for (let i = 0; i < 200; i++) {
      const stalls = client(path);
      for (const event of ["end", "close"]) stalls.resume().once(event, () => cutOff.add(stalls));
      stalls.write('{"version":1,');
      client(path).write(requestLine("self-test")); // and never reads
    }
    assert.equal(types(await talkAgain(path, requestLine("self-test"))).length, 1402);
    while (cutOff.size < 136) await sleep(5); // at most 64 are left
  });

  it("returns an answer of megabytes, such as 10,000 clients of a door", { timeout: scaled(60_000) }, async () => {
    const path = newPath();
    await open(path, Array(20_000).fill({ type: "interface", interface: "x".repeat(100), state: "hears" }));
    assert.equal(types(await talkAgain(path, requestLine("self-test"))).length, 20_002);
  });

  it("holds at most 16 MB for clients that do not read", { timeout: scaled(60_000) }, async () => {
    const path = newPath();
    await open(path, Array(20_000).fill({ type: "interface", interface: "x".repeat(100), state: "hears" }));
    for (let i = 0; i < 12; i++) client(path).write(requestLine("self-test")); // 2.8 MB each, and they never read
    const asked = client(path);
    const refused = await new Promise((resolve) => {
      asked.once("data", (text) => resolve(String(text)));
      asked.write(requestLine("self-test"));
    });
    assert.equal(refused, '{"version":1,"type":"error","error":"too many long answers at once"}\n');
  });

  const event = (door: string): Answer => ({ type: "event", time: "now", event: "open", ip: "10.0.0.1", door });

  it("sends events to a watcher until it disconnects", async () => {
    const path = newPath();
    await open(path);
    let text = "";
    const watcher = client(path).on("data", (more) => (text += more));
    watcher.write(requestLine("watch"));
    while (watchers.size === 0) await sleep(5);
    for (const door of ["a", "b"]) for (const tell of watchers) tell(event(door));
    while (text.split("\n").length < 4) await sleep(5);
    assert.deepEqual(types(text), ["daemon", "event", "event"]);
    await works(path);
    watcher.end();
    while (watchers.size > 0) await sleep(5);
  });

  it("disconnects a watcher that sends more", { timeout: scaled(60_000) }, async () => {
    const path = newPath();
    await open(path);
    const watcher = client(path).resume();
    watcher.write(requestLine("watch"));
    while (watchers.size === 0) await sleep(5);
    watcher.write(requestLine("watch"));
    while (watchers.size > 0) await sleep(5);
    await works(path);
    assert.equal(watchers.size, 0);
  });

  it("accepts eight watchers, which 400 other clients do not displace, and refuses the ninth", {
    timeout: scaled(60_000),
  }, async () => {
    const path = newPath();
    await open(path);
    for (let i = 0; i < 8; i++) client(path).resume().write(requestLine("watch"));
    while (watchers.size < 8) await sleep(5);
    const ninth = (await talk(path, requestLine("watch"))).split("\n");
    assert.equal(ninth[1], '{"version":1,"type":"refused","why":"8 clients are already watching"}');
    for (let i = 0; i < 400; i++) client(path).write('{"version":1,');
    assert.deepEqual(types(await talkAgain(path, requestLine("self-test"))), ["daemon", "end"]);
    assert.equal(watchers.size, 8);
  });

  it("disconnects a watcher that does not read, at 256 KiB beyond the kernel's buffer", {
    timeout: scaled(60_000),
  }, async () => {
    const path = newPath();
    await open(path);
    const deaf = client(path);
    deaf.write(requestLine("watch"));
    while (watchers.size === 0) await sleep(5);
    let told = 0;
    for (const line = event("x".repeat(900)); watchers.size > 0; await sleep(1)) {
      for (const tell of watchers) tell(line);
      told++;
    }
    assert.ok(told > 256 && told < 2000, `${told} KiB`);
  });
});

describe("the command self-test", () => {
  it("tests after the request, once for all requests meanwhile, and pauses nine times as long as it took", async () => {
    let tests = 0;
    const [begun, ended]: number[][] = [[], []];
    const selfTest = new SelfTest(() => {
      tests++;
      begun!.push(performance.now());
      for (const end = performance.now() + 30; performance.now() < end; );
      ended!.push(performance.now());
      return [];
    });
    assert.equal(tests, 0);
    await Promise.all(Array.from({ length: 50 }, () => selfTest.answer()));
    assert.equal(tests, 1);
    const second = selfTest.answer();
    await Promise.all([second, selfTest.answer()]);
    assert.equal(tests, 2);
    assert.ok(begun![1]! - ended![0]! >= 260);
  });
});
