// Tests a change of the clock by ten years while a client knocks and a door is open, as on a Pi when it first gets the
// time. libfaketime changes the daemon's wall clock, not its monotonic one. 0.8 can't be compared: it uses the times in
// the packets, which the kernel writes.
import assert from "node:assert/strict";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, afterEach, before, describe, it } from "node:test";
import { parseLedger } from "../../src/doors/ledger-entry.ts";
import { frame } from "../frame.ts";
import { Daemon } from "./daemon.ts";
import { needsRoot, Wire } from "./wire.ts";

const FAKETIME = "/usr/$LIB/faketime/libfaketime.so.1";
const ARGS = ["-i", "eth0", "-c", "@dir@/knockd.conf", "-v"];
const CONFIG = `
[options]
  StateFile = @dir@/ledger
  LogFile = @dir@/events
[slow]
  sequence = 7000:udp,7001:udp
  seq_timeout = 600
  command = echo slow >>@dir@/commands
[quick]
  sequence = 7002:udp,7003:udp
  seq_timeout = 2
  command = echo quick >>@dir@/commands
[door]
  sequence = 7004:udp
  start_command = echo open >>@dir@/commands
  cmd_timeout = 3
  stop_command = echo close >>@dir@/commands
[later]
  sequence = 7005:udp
  start_command = echo open later >>@dir@/commands
  cmd_timeout = 600
  stop_command = echo close later >>@dir@/commands
`;

describe("a clock that is changed by ten years", { skip: needsRoot }, () => {
  let wire: Wire;
  let sequence = 0;
  const running: Daemon[] = [];
  before(async () => {
    wire = await Wire.open();
  });
  after(() => wire?.close());
  afterEach(async () => {
    for (const daemon of running.splice(0)) await daemon.stop();
  });

  /** `set` is libfaketime's change of the time: "+10y". */
  async function start(config = CONFIG, at = "+0"): Promise<{ daemon: Daemon; set: (offset: string) => void }> {
    const file = join(wire.dir, `clock${++sequence}`);
    const set = (offset: string) => writeFileSync(file, `${offset}\n`);
    set(at);
    const env = {
      LD_PRELOAD: FAKETIME,
      FAKETIME_TIMESTAMP_FILE: file,
      FAKETIME_NO_CACHE: "1",
      FAKETIME_DONT_FAKE_MONOTONIC: "1",
    };
    const daemon = await Daemon.start(wire, "ours", config, ARGS, { env });
    running.push(daemon);
    return { daemon, set };
  }
  async function knock(port: number): Promise<void> {
    const sourcePort = 20_000 + ++sequence;
    const from = port < 7002 ? "10.77.0.3" : port < 7004 ? "10.77.0.4" : wire.client; // a knock voids other attempts of its source
    await wire.send([{ at: 0, frame: frame({ from, to: wire.server, protocol: "udp", port, sourcePort }) }]);
  }
  const seconds = (since: number) => (performance.now() - since) / 1000;

  for (const offset of ["+10y", "-10y"]) {
    it(`(${offset}) neither ends an attempt nor prolongs it, and an open door closes on time`, async () => {
      const { daemon, set } = await start();
      await knock(7000);
      await daemon.waitFor("slow: Stage 1");
      const begun = performance.now();
      await knock(7002);
      await knock(7004);
      await daemon.waitFor(() => daemon.commands().includes("open"));
      set(offset);
      await daemon.waitFor("quick: sequence timeout (stage 1)");
      assert.ok(seconds(begun) > 1.9, `after ${seconds(begun)} s`);
      await daemon.waitFor(() => daemon.commands().includes("close"));
      assert.ok(seconds(begun) > 2.9, `after ${seconds(begun)} s`);
      await knock(7001);
      await daemon.waitFor(() => daemon.commands().includes("slow"));
      assert.deepEqual(daemon.commands(), ["open", "close", "slow"]);
      const years = readFileSync(join(daemon.dir, "events"), "utf8")
        .match(/^\[\d{4}/gm)!
        .map((year) => Number(year.slice(1)));
      assert.equal(years.at(-1)! - years[0]!, offset === "+10y" ? 10 : -10);
    });

    it(`(${offset}) between two runs closes on time what the first left open`, async () => {
      const { daemon: first } = await start();
      const begun = performance.now();
      await knock(7004);
      await knock(7005);
      await first.waitFor(() => first.commands().length === 2);
      await first.stop("SIGKILL");
      await start(CONFIG.replaceAll("@dir@", first.dir), offset);
      await first.waitFor(() => first.commands().length > 2);
      assert.ok(seconds(begun) > 2.9, `after ${seconds(begun)} s`);
      assert.deepEqual(first.commands().slice(2), ["close"]);
      const open = parseLedger(readFileSync(join(first.dir, "ledger")));
      const left = open.find(({ door }) => door === "later")!.due.wall - Date.now();
      assert.ok(left > 500_000 && left < 600_000, `${left} ms`); // by the clock of the first daemon
    });
  }
});
