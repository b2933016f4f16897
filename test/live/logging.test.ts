// Tests what the running daemon says, where and when, compared with 0.8.
import assert from "node:assert/strict";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { frame } from "../frame.ts";
import { Daemon, isOf08, type StartOptions, type Which } from "./daemon.ts";
import { needsRoot, Wire } from "./wire.ts";

const BOTH = ["judge", "ours"] as const;
const ARGS = ["-i", "eth0", "-c", "@dir@/knockd.conf"];
const CONFIG = `
[options]
  UseSyslog
  LogFile = @dir@/events
[opens and closes]
  sequence      = 7000,7001
  tcpflags      = syn
  start_command = echo start %IP% >>$KNOCK_LOG; exit 3
  cmd_timeout   = 1
  stop_command  = echo stop %IP% >>$KNOCK_LOG
[no command]
  sequence      = 7002
[%s %d "quoted"]
  sequence      = 7003,7004
  seq_timeout   = 1
`;

/** Both daemons' lines for the knocks below. The two timeouts may come in any order. */
const STARTING = "starting up, listening on eth0";
const EVENTS = [
  "10.77.0.2: opens and closes: Stage 1",
  "10.77.0.2: opens and closes: Stage 2",
  "10.77.0.2: opens and closes: OPEN SESAME",
  "opens and closes: running command: echo start 10.77.0.2 >>$KNOCK_LOG; exit 3",
  "10.77.0.2: opens and closes: command timeout",
  "opens and closes: running command: echo stop 10.77.0.2 >>$KNOCK_LOG",
  "fd77::2: no command: Stage 1",
  "fd77::2: no command: OPEN SESAME",
  '10.77.0.2: %s %d "quoted": Stage 1',
  '10.77.0.2: %s %d "quoted": sequence timeout (stage 1)',
];
const FAILED = "opens and closes: command returned non-zero status code (3)";
const WITH_FAILURE = [...EVENTS.slice(0, 4), FAILED, ...EVENTS.slice(4)];

describe("what knockd logs", { skip: needsRoot }, () => {
  let wire: Wire;
  let sequence = 0;

  before(async () => {
    wire = await Wire.open();
  });
  after(() => wire?.close());

  async function knock(ports: number[], from = wire.client): Promise<void> {
    const to = from.includes(":") ? wire.server6 : wire.server;
    await wire.send(
      ports.map((port, i) => ({ at: i * 0.05, frame: frame({ from, to, protocol: "tcp", port, seq: ++sequence }) })),
    );
  }

  /**
   * Lines of a log file. 0.8 leaves some empty, and does not warn of weak sequences; test/weak-doors.test.ts tests
   * that.
   */
  const logFile = (daemon: Daemon) => {
    const path = join(daemon.dir, "events");
    return existsSync(path)
      ? readFileSync(path, "utf8")
          .split("\n")
          .filter((line) => line !== "" && isOf08(line))
      : [];
  };

  /** One daemon of each kind, after the knocks to which EVENTS are the lines. */
  async function knocked(args: string[], options?: StartOptions): Promise<Record<Which, Daemon>> {
    const start = (which: Which) => Daemon.start(wire, which, CONFIG, args, options);
    const [judge, ours] = await Promise.all(BOTH.map(start));
    const has = (text: string) =>
      [judge!, ours!].every((daemon) => logFile(daemon).some((line) => line.endsWith(text)));
    await ours!.waitFor(() => has(STARTING));
    await knock([7000, 7001]);
    await ours!.waitFor(() => has("echo stop 10.77.0.2 >>$KNOCK_LOG"));
    await knock([7002], wire.client6);
    await knock([7003]);
    await ours!.waitFor(() => logFile(ours!).at(-1)!.endsWith("sequence timeout (stage 1)"));
    await knock([7004], "10.77.0.9"); // 0.8 reports timeouts only when another knock arrives
    await ours!.waitFor(() => has("sequence timeout (stage 1)"));
    return { judge: judge!, ours: ours! };
  }

  it("is the same in the log file, in syslog and with -v, line by line, as in 0.8", async () => {
    const daemons = await knocked([...ARGS, "-v"], { syslog: true });
    for (const daemon of Object.values(daemons)) {
      daemon.signal("SIGTERM");
      await daemon.waitFor(() => daemon.syslog().some((line) => line.endsWith(": shutting down")));
      await daemon.stop();
      assert.match(daemon.stdout, /^listening on eth0\.\.\.\n/);
      assert.match(daemon.stdout, /\nwaiting for child processes\.\.\.\nclosing\.\.\.\n$/);
      assert.deepEqual(daemon.lines().slice(0, -2), EVENTS);
      assert.equal(daemon.stderr, `${FAILED}\n`);
      const everything = [STARTING, ...WITH_FAILURE, "shutting down"];
      const stamped = logFile(daemon).map((line) => /^\[\d{4}-\d\d-\d\d \d\d:\d\d\] (.*)$/.exec(line)?.[1]);
      assert.deepEqual(stamped, everything);
      const datagrams = daemon
        .syslog()
        .map((line) => /^<29>\w{3} [ \d]\d \d\d:\d\d:\d\d knockd: (.*)$/.exec(line)?.[1]);
      assert.deepEqual(datagrams, everything);
    }
    assert.doesNotMatch(readFileSync(join(daemons.ours.dir, "events"), "utf8"), /\n\n/, "no line is empty");
  });

  it("is nothing on standard output without -v, as in 0.8, and only failures on standard error", async () => {
    const daemons = await knocked(ARGS, { syslog: true, ready: "" });
    for (const daemon of Object.values(daemons)) {
      await daemon.stop();
      assert.deepEqual([daemon.stdout, daemon.stderr], ["", `${FAILED}\n`]);
      assert.deepEqual(
        logFile(daemon).map((line) => line.slice(19)),
        [STARTING, ...WITH_FAILURE, "shutting down"],
      );
    }
  });

  it("has local times in the log file and in syslog, as in 0.8", async () => {
    const zone = "Pacific/Kiritimati"; // 14 hours from UTC, and 26 from the other
    const local = async (format: string) =>
      (await wire.run("server", ["date", format], { env: { TZ: zone } })).stdout.trim();
    const before = [await local("+[%F %H:%M]"), await local("+%b %e %H:%M")];
    const daemons = await Promise.all(
      BOTH.map((which) => Daemon.start(wire, which, CONFIG, [...ARGS, "-v"], { syslog: true, env: { TZ: zone } })),
    );
    await daemons[0]!.waitFor(() =>
      daemons.every((daemon) => daemon.syslog().length > 0 && logFile(daemon).length > 0),
    );
    const after = [await local("+[%F %H:%M]"), await local("+%b %e %H:%M")];
    for (const daemon of daemons) {
      const stamps = [logFile(daemon)[0]!.slice(0, 18), daemon.syslog()[0]!.slice(4, 16)];
      for (const i of [0, 1]) assert.ok([before[i], after[i]].includes(stamps[i]), `${daemon.which}: ${stamps[i]}`);
      await daemon.stop();
    }
  });

  it("includes each packet with -D; the month is right, while 0.8's is one too low", async () => {
    const day = () => {
      const now = new Date();
      return { year: now.getFullYear(), month: now.getMonth() + 1, day: now.getDate() };
    };
    const before = day();
    const daemons = await Promise.all(BOTH.map((which) => Daemon.start(wire, which, CONFIG, [...ARGS, "-v", "-D"])));
    await knock([7002]);
    await knock([7002], wire.client6);
    for (const daemon of daemons) await daemon.waitFor("fd77::2: no command: OPEN SESAME");
    const days = [before, day()].map(({ year, month, day }) => `${year}-${two(month)}-${two(day)}`);
    const packets = daemons.map(({ stdout }) =>
      [...stdout.matchAll(/^(\d{4})-(\d\d)-(\d\d) \d\d:\d\d:\d\d: (.*)$/gm)].map(([, year, month, day, text]) => {
        return { year, month: Number(month), day, text };
      }),
    );
    const [judge, ours] = packets;
    assert.deepEqual(
      ours!.map(({ text }) => text),
      ["tcp: 10.77.0.2:40000 -> 10.77.0.1:7002 54 bytes", "tcp: fd77::2:40000 -> fd77::1:7002 74 bytes"],
    );
    for (const { year, month, day } of ours!) assert.ok(days.includes(`${year}-${two(month)}-${day}`));
    assert.deepEqual(
      judge,
      ours!.map((packet) => ({ ...packet, month: packet.month - 1 })),
    );
    await Promise.all(daemons.map((daemon) => daemon.stop()));
  });

  it("includes a timeout when it happens; 0.8 logs it only at the next knock", async () => {
    const config = "[door]\nsequence = 7000,7001\nseq_timeout = 1\n[other]\nsequence = 7500\n";
    const [judge, ours] = await Promise.all(BOTH.map((which) => Daemon.start(wire, which, config)));
    await knock([7000], wire.client6);
    const told = (daemon: Daemon) => daemon.lines().filter((line) => line.includes("timeout"));
    await ours!.waitFor(() => told(ours!).length > 0);
    assert.deepEqual(told(ours!), ["fd77::2: door: sequence timeout (stage 1)"]);
    await sleep(1000); // 0.8 counts whole seconds
    assert.deepEqual(told(judge!), []);
    await knock([7500], "10.77.0.9");
    await judge!.waitFor(() => told(judge!).length > 0);
    await Promise.all([judge!.stop(), ours!.stop()]);
  });

  it("includes every timeout exactly once, even in a quiet time after a busy one", async () => {
    const config = "[door]\nsequence = 7000,7001\nseq_timeout = 1\n";
    const daemon = await Daemon.start(wire, "ours", config);
    const { client: from, server: to } = wire;
    const templates = [frame({ from, to, protocol: "tcp", port: 7000 })];
    const flood = await wire.flood({ templates, count: 2000, rate: 2000, vary: "source" });
    const sent = flood.sent - 1; // one of them is the network's broadcast address, which no client has
    const told = () => daemon.lines().filter((line) => line.includes("timeout (stage 1)"));
    const begun = () => daemon.lines().filter((line) => line.endsWith("Stage 1"));
    const similar = (kind: string) =>
      sum(daemon.lines().map((line) => (line.endsWith(` (${kind})`) ? Number.parseInt(line, 10) : 0)));
    await daemon.waitFor(() => told().length + similar("sequence timeout") === sent);
    assert.equal(begun().length + similar("Stage 1"), sent);
    assert.equal(new Set(told()).size, told().length);
    assert.ok(begun().length >= 100 && begun().length <= 500, `${begun().length} lines of Stage 1`);
    await daemon.stop();
  });

  it("is limited in a flood to 100 lines a second, but complete for a client that opens a door", async () => {
    const config = "[door]\nsequence = 7000,7001,7002\nseq_timeout = 20\n[once]\nsequence = 7003\n";
    const daemon = await Daemon.start(wire, "ours", config);
    const templates = [frame({ from: wire.client, to: wire.server, protocol: "tcp", port: 7000 })];
    const siege = wire.flood({ templates, count: 20_000, rate: 5000, vary: "source" });
    await daemon.waitFor(() => daemon.lines().some((line) => line.endsWith(" similar lines not logged (Stage 1)")));
    const knockers = Array.from({ length: 20 }, (_, i) => `10.77.0.${100 + i}`);
    const sequences = knockers.map((from) =>
      [7000, 7001, 7002, 7003].map((port, i) => ({
        at: i * 0.1,
        frame: frame({ from, to: wire.server, protocol: "tcp", port, seq: ++sequence }),
      })),
    );
    await wire.send(sequences.flat());
    await siege;
    for (const who of knockers) {
      await daemon.waitFor(`${who}: once: OPEN SESAME`);
      const lines = ["door: Stage 1", "door: Stage 2", "door: Stage 3", "door: OPEN SESAME", "once: Stage 1"];
      assert.deepEqual(
        daemon.lines().filter((line) => line.startsWith(`${who}:`)),
        [...lines, "once: OPEN SESAME"].map((line) => `${who}: ${line}`),
      );
    }
    await daemon.stop();
  });
});

const sum = (numbers: number[]) => numbers.reduce((a, b) => a + b, 0);
const two = (n: number) => String(n).padStart(2, "0");
