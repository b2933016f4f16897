// Tests LogFormat = json: the running daemon's lines for log collectors, compared with those for people.
import assert from "node:assert/strict";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { frame } from "../frame.ts";
import { Daemon, isOf08 } from "./daemon.ts";
import { needsRoot, Wire } from "./wire.ts";

const CONFIG = `
[options]
  UseSyslog
  LogFile = @dir@/events
  LogFormat = json
[a "door"]
  sequence      = 7461,7462
  tcpflags      = syn
  start_command = echo start %IP% >>$KNOCK_LOG; exit 3
  cmd_timeout   = 1
  stop_command  = echo stop %IP% >>$KNOCK_LOG
[siege]
  sequence      = 7471,7472
  seq_timeout   = 60
[short]
  sequence      = 7481,7482
  seq_timeout   = 1
`;
const DOOR = 'a "door"';

describe("LogFormat = json", { skip: needsRoot }, () => {
  let wire: Wire;
  let sequence = 0;
  before(async () => {
    wire = await Wire.open();
  });
  after(() => wire?.close());

  const knocks = (from: string, ...ports: number[]) =>
    ports.map((port, i) => ({
      at: i * 0.05,
      frame: frame({ from, to: wire.server, protocol: "tcp", port, seq: ++sequence }),
    }));

  it("writes the line of the text format as msg, with fields; syslog is unchanged; SIGHUP switches the format", async () => {
    const args = ["-i", "eth0", "-c", "@dir@/knockd.conf"];
    const daemon = await Daemon.start(wire, "ours", CONFIG, args, { syslog: true, ready: "" });
    const raw = () => readFileSync(join(daemon.dir, "events"), "utf8").split("\n").slice(0, -1);
    try {
      await daemon.waitFor(() => daemon.syslog().some((line) => line.includes("starting up")));
      const me = "10.77.0.2";
      await wire.send(knocks(me, 7461, 7462));
      await daemon.waitFor(() => daemon.commands().length === 2);
      await wire.send(knocks("10.77.0.3", 7481));
      await daemon.waitFor(() => daemon.syslog().some((line) => line.includes("sequence timeout")));
      const forged = Array.from({ length: 400 }, (_, i) => knocks(`10.77.2.${i % 250}`, 7471)[0]!);
      await wire.send(forged);
      await daemon.waitFor(() => daemon.syslog().some((line) => line.includes("similar lines")));

      // The file is written after the system's log.
      await daemon.waitFor(() => raw().some((line) => line.includes("similar lines")));
      const lines = raw().map((line) => JSON.parse(line));
      for (const { time, level, msg } of lines) {
        assert.ok(Math.abs(Date.parse(time) - Date.now()) < 60_000 && level >= 30 && typeof msg === "string");
      }
      const ofThese = lines.filter(
        ({ door, event }) => (door !== "siege" && door !== undefined) || event === "held back",
      );
      assert.deepEqual(
        ofThese.map(({ time: _, level: __, ...rest }) => rest),
        [
          { event: "stage", ip: me, door: DOOR, stage: 1, msg: `${me}: ${DOOR}: Stage 1` },
          { event: "stage", ip: me, door: DOOR, stage: 2, msg: `${me}: ${DOOR}: Stage 2` },
          { event: "open", ip: me, door: DOOR, msg: `${me}: ${DOOR}: OPEN SESAME` },
          { ip: me, door: DOOR, msg: `${DOOR}: running command: echo start ${me} >>$KNOCK_LOG; exit 3` },
          { ip: me, door: DOOR, msg: `${DOOR}: command returned non-zero status code (3)` },
          { ip: me, door: DOOR, msg: `${me}: ${DOOR}: command timeout` },
          { ip: me, door: DOOR, msg: `${DOOR}: running command: echo stop ${me} >>$KNOCK_LOG` },
          { event: "stage", ip: "10.77.0.3", door: "short", stage: 1, msg: "10.77.0.3: short: Stage 1" },
          {
            event: "timeout",
            ip: "10.77.0.3",
            door: "short",
            stage: 1,
            msg: "10.77.0.3: short: sequence timeout (stage 1)",
          },
          ...ofThese.slice(9).map(({ count }) => ({
            event: "held back",
            kind: "Stage 1",
            count,
            msg: `${count} similar lines not logged (Stage 1)`,
          })),
        ],
      );
      assert.ok(ofThese.length > 9);
      const text = lines.map(({ msg }) => msg).filter(isOf08);
      assert.deepEqual(
        daemon.syslog().map((line) => line.replace(/^<\d+>\w+ +\d+ [\d:]+ knockd: /, "")),
        text,
      );
      assert.doesNotMatch(raw().filter(isOf08).join("\n"), /74\d\d/);

      const config = readFileSync(daemon.configPath, "utf8");
      writeFileSync(daemon.configPath, config.replace("LogFormat = json", "LogFormat = text"));
      daemon.signal("SIGHUP");
      await wire.send(knocks("10.77.0.4", 7471));
      await daemon.waitFor(() =>
        raw().some((line) => /^\[\d{4}-\d\d-\d\d \d\d:\d\d\] 10\.77\.0\.4: siege: Stage 1$/.test(line)),
      );
    } finally {
      await daemon.stop();
    }
  });
});
