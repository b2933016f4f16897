// Tests how a handle ends: in a child process for each way to begin and each way to end, each in its own network
// namespace. It must end with the expected status, and by no signal.

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { describe, it } from "node:test";
import { fileURLToPath } from "node:url";
import { needsRoot } from "./live/wire.ts";
import { scaled } from "./time-limit.ts";

const ADDON = fileURLToPath(new URL("../../build/Release/knockd.node", import.meta.url));

// The beginning of every script: a handle on lo that captures datagrams to port 7000, and a way to send one.
const PRELUDE = `
  const { Capture } = require(${JSON.stringify(ADDON)});
  const fs = require("node:fs");
  const { Worker } = require("node:worker_threads");
  const records = new ArrayBuffer(56 * 16);
  const open = () => new Capture({ device: "lo", snapLength: 256, bufferSize: 1 << 20 });
  // Matches a datagram over IPv4 to port 7000: after Ethernet's 14 bytes, the IP header has 20, and the source port 2.
  const words = [[0x28, 12], [0x15, 0x800, 0, 3], [0x28, 36], [0x15, 7000, 0, 1], [0x06, 0x40000], [0x06, 0]];
  const program = new Uint8Array(8 * words.length);
  words.forEach(([code, k, jt = 0, jf = 0], i) => {
    new Uint16Array(program.buffer, i * 8, 1)[0] = code;
    program.set([jt, jf], i * 8 + 2);
    new Uint32Array(program.buffer, i * 8 + 4, 1)[0] = k;
  });
  const send = () => {
    const socket = require("node:dgram").createSocket("udp4");
    socket.send("knock", 7000, "127.0.0.1", () => socket.close());
  };
`;

interface Ended {
  status: number | null;
  signal: NodeJS.Signals | null;
  stdout: string;
  stderr: string;
}

function run(script: string): Promise<Ended> {
  const node = [process.execPath, "--expose-gc", "-e", PRELUDE + script];
  const child = spawn("unshare", ["-n", "sh", "-c", 'ip link set lo up && exec "$@"', "sh", ...node], {
    env: { ...process.env, PATH: `${process.env.PATH}:/usr/sbin:/sbin` },
    stdio: ["ignore", "pipe", "pipe"],
    timeout: scaled(20_000),
    killSignal: "SIGKILL",
  });
  const ended: Ended = { status: null, signal: null, stdout: "", stderr: "" };
  child.stdout.on("data", (chunk) => (ended.stdout += chunk));
  child.stderr.on("data", (chunk) => (ended.stderr += chunk));
  return new Promise((resolve) => {
    child.once("close", (status, signal) => resolve({ ...ended, status, signal }));
  });
}

const WELL = { status: 0, signal: null, stderr: "" };

describe("a handle may be freed in any state", { skip: needsRoot, concurrency: 2 }, () => {
  const STEPS: [string, string][] = [
    ["open", "let capture = open();"],
    ["filter", "capture.setFilter(program);"],
    [
      "start",
      "let woken; const called = new Promise((resolve) => { woken = resolve; }); capture.start(() => woken());",
    ],
    ["wake", "send(); await called;"],
    ["read", "if (capture.read(records) !== 1 || capture.read(records) !== -1) throw new Error('not one knock');"],
    ["stop", "capture.stop();"],
    ["close", "capture.close();"],
  ];
  const ENDS: Record<string, string> = {
    "the process exits": "process.exit(0);",
    "it is forgotten and collected": "capture = undefined; gc(); setImmediate(() => { gc(); process.exit(0); });",
    "another is opened in its place": "const next = open(); next.start(() => {}); next.close(); process.exit(0);",
  };
  for (let length = 1; length <= STEPS.length; length++) {
    const steps = STEPS.slice(0, length);
    const title = `after ${steps.map(([name]) => name).join(", ")}`;
    const body = steps.map(([, code]) => code).join("\n");
    const running = length >= 3 && length <= 5;
    const ends = { ...ENDS, [running ? "it is closed" : "nothing more is to do"]: running ? "capture.close();" : "" };
    for (const [how, end] of Object.entries(ends)) {
      it(`${title}: ${how}`, async () => {
        const { stdout, ...ended } = await run(`(async () => { ${body}\n${end} })();`);
        assert.deepEqual(ended, WELL);
        assert.equal(stdout, "");
      });
    }
  }

  it("in a worker that is terminated: idle, in an endless callback, or exiting by itself", async () => {
    for (const body of [
      "parentPort.postMessage('go');",
      "capture.start = capture.start; send();",
      "process.exit(0);",
      "capture.close(); parentPort.postMessage('go');",
    ]) {
      const worker = `${PRELUDE}
        const { parentPort } = require("node:worker_threads");
        const capture = open();
        capture.setFilter(program);
        capture.start(() => { parentPort.postMessage("go"); for (;;); });
        ${body}`;
      const ended = await run(`
        const worker = new Worker(${JSON.stringify(worker)}, { eval: true });
        worker.on("error", (error) => { throw error; });
        worker.on("message", () => worker.terminate());
        worker.on("exit", () => console.log("gone"));`);
      assert.deepEqual(ended, { ...WELL, stdout: "gone\n" }, body);
    }
  });
});

describe("a handle's callback", { skip: needsRoot, concurrency: 2 }, () => {
  const started = (callback: string) => `
    const capture = open();
    capture.setFilter(program);
    capture.start(() => { ${callback} });
    send();`;

  it("may do anything that can be done with a handle", async () => {
    const calls = [
      "linkType",
      "setFilter",
      "start",
      "stats",
      "heldFilter",
      "read",
      "stop",
      "stop",
      "start",
      "close",
      "close",
      "read",
    ];
    const ended = await run(
      started(`
        const args = { setFilter: [program], read: [records], start: [() => {}] };
        for (const name of ${JSON.stringify(calls)}) {
          try {
            const result = name === "linkType" ? capture.linkType : capture[name](...(args[name] ?? []));
            console.log(name, result instanceof Uint8Array ? result.length : JSON.stringify(result));
          } catch (error) { console.log(name, error.message); }
        }`),
    );
    assert.deepEqual(ended.stdout.trim().split("\n"), [
      "linkType 1",
      "setFilter undefined",
      "start capture is already started",
      'stats {"received":2,"dropped":0,"read":0}', // lo shows a packet as sent and as received; libpcap drops the first
      "heldFilter 48",
      "read 1",
      "stop undefined",
      "stop undefined",
      "start undefined",
      "close undefined",
      "close undefined",
      "read capture is closed",
    ]);
    assert.deepEqual([ended.status, ended.signal, ended.stderr], [0, null, ""]);
  });

  it("that throws ends the process like any uncaught exception, with its stack", async () => {
    const { status, signal, stderr } = await run(started("capture.read(records); throw new Error('a bug');"));
    assert.deepEqual([status, signal], [1, null]);
    assert.match(stderr, /Error: a bug\n\s+at /);
  });

  it("that throws is called again if the exception is handled", async () => {
    const ended = await run(`
      let times = 0;
      process.on("uncaughtException", (error) => {
        console.log(error.message);
        if (times === 2) capture.close();
        else send();
      });
      ${started("capture.read(records); throw new Error('bug ' + ++times);")}`);
    assert.deepEqual(ended, { ...WELL, stdout: "bug 1\nbug 2\n" });
  });

  it("is followed by its promises and ticks before anything else", async () => {
    const ended = await run(
      started(`
        capture.read(records);
        setImmediate(() => { console.log("immediate"); capture.close(); });
        process.nextTick(() => console.log("tick"));
        Promise.resolve().then(() => console.log("promise"));`),
    );
    assert.deepEqual(ended, { ...WELL, stdout: "tick\npromise\nimmediate\n" });
  });

  it("is called periodically on request, whether data was read or not, and not after stop", async () => {
    const ended = await run(`
      for (const none of [0, -1, 1000]) try { open().start(() => {}, none); } catch (error) { console.log(error.name); }
      const capture = open();
      let times = 0;
      const begun = Date.now();
      capture.start(() => {
        if (++times < 5) return;
        capture.stop();
        setTimeout(() => { console.log(times, Date.now() - begun >= 95); capture.close(); }, 50);
      }, 10);`);
    assert.deepEqual(ended, { ...WELL, stdout: "RangeError\nRangeError\nRangeError\n5 true\n" });
  });

  it("is called again for what was not read, and not after stop", async () => {
    const ended = await run(`
      let times = 0;
      ${started(`
        if (++times < 3) return;
        capture.stop();
        setTimeout(() => { console.log(times, capture.read(records)); capture.close(); }, 50);`)}`);
    assert.deepEqual(ended, { ...WELL, stdout: "3 1\n" });
  });
});

describe("a handle leaves nothing behind", { skip: needsRoot }, () => {
  it("no open descriptor after it was closed, or was collected without closing", async () => {
    const ended = await run(`
      const links = () => fs.readdirSync("/proc/self/fd").map((fd) => { try { return fs.readlinkSync("/proc/self/fd/" + fd); } catch { return ""; } });
      const count = () => links().filter((to) => to.startsWith("socket:") || /eventfd|timerfd/.test(to)).length;
      open().close();
      const before = count();
      for (let i = 0; i < 8; i++) open().close();
      console.log(count() - before);
      (function forget(more) {
        open();
        if (more > 0) forget(more - 1);
      })(8);
      console.log(count() > before);
      const tidy = (tries) => {
        gc();
        if (count() > before && tries > 0) setImmediate(tidy, tries - 1);
        else console.log(count() - before);
      };
      setImmediate(tidy, 200);`);
    assert.deepEqual(ended, { ...WELL, stdout: "0\ntrue\n0\n" });
  });

  it("but it stays alive while it is started, even without references", async () => {
    const ended = await run(`
      (() => {
        const capture = open();
        capture.setFilter(program);
        capture.start(() => { console.log("still here"); capture.close(); });
      })();
      gc();
      setImmediate(() => { gc(); send(); });`);
    assert.deepEqual(ended, { ...WELL, stdout: "still here\n" });
  });

  it("no memory after it was stopped or closed", async () => {
    for (const last of ["stop", "close"]) {
      const ended = await run(`
        const forgotten = (() => {
          const capture = open();
          capture.start(() => {});
          capture.${last}();
          return new WeakRef(capture);
        })();
        const look = (tries) => {
          gc();
          if (forgotten.deref() !== undefined && tries > 0) setImmediate(look, tries - 1);
          else console.log(forgotten.deref());
        };
        setImmediate(look, 100);`);
      assert.deepEqual(ended, { ...WELL, stdout: "undefined\n" }, last);
    }
  });

  it("no descriptor in commands: every one above 2 is close-on-exec", async () => {
    const ended = await run(`
      const targets = () => fs.readdirSync("/proc/self/fd").map((fd) => {
        try { return fs.readlinkSync("/proc/self/fd/" + fd); } catch { return ""; }
      });
      const inherited = () => {
        const { stdout } = require("node:child_process").spawnSync("sh", ["-c", "ls /proc/$$/fd"], { encoding: "utf8" });
        return stdout.split("\\n").filter((fd) => Number(fd) > 2).length;
      };
      const capture = open();
      capture.start(() => {});
      console.log(targets().some((to) => to.startsWith("socket:")), inherited());
      const file = "/tmp/native-life-" + process.pid + ".pcap";
      const head = [0xa1b2c3d4, 0x00040002, 0, 0, 65535, 1];
      fs.writeFileSync(file, Buffer.from(Uint32Array.from(head).buffer));
      const saved = new Capture({ savefile: file });
      console.log(targets().includes(file), inherited());
      fs.unlinkSync(file);
      capture.close();`);
    assert.deepEqual(ended, { ...WELL, stdout: "true 0\ntrue 0\n" });
  });
});
