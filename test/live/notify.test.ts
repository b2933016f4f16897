// Tests the examples that pass door events on, started as systemd would: to Debian's mosquitto, and to a web server.
import assert from "node:assert/strict";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { frame } from "../frame.ts";
import { until } from "../time-limit.ts";
import { Daemon } from "./daemon.ts";
import { needsRoot, repo, Wire } from "./wire.ts";

const CONFIG = "[door]\n sequence = 7001:udp\n start_command = true\n";

/** What systemd passes to ExecStart's /bin/sh: continued lines joined, and $$ as a dollar sign. */
function scriptOf(unit: string): string {
  const text = readFileSync(join(repo, "examples", unit), "utf8").replaceAll("\\\n", "");
  const [, script = ""] = /^ExecStart=\/bin\/sh -c '(.*)'$/m.exec(text) ?? [];
  assert.notEqual(script, "", unit);
  return script.replaceAll("$$", "$");
}

describe("door events that are forwarded", { skip: needsRoot }, () => {
  let wire: Wire;
  let daemon: Daemon;
  let sourcePort = 20_000;
  before(async () => {
    wire = await Wire.open();
    daemon = await Daemon.start(wire, "ours", CONFIG);
    mkdirSync(join(wire.dir, "bin"));
    const program = `#!/bin/sh\nexec ${process.execPath} ${join(repo, "dist/src/knockctl.js")} "$@"\n`;
    writeFileSync(join(wire.dir, "bin/knockctl"), program, { mode: 0o755 });
  });
  after(async () => {
    await daemon?.stop("SIGKILL");
    await wire?.close();
  });

  const knock = () =>
    wire.send([
      {
        at: 0,
        frame: frame({ from: wire.client, to: wire.server, protocol: "udp", port: 7001, sourcePort: ++sourcePort }),
      },
    ]);

  /** Runs the unit's line until it has passed on an opening. Returns what arrived. */
  async function passed(unit: string, environment: Record<string, string>, received: () => string): Promise<string> {
    const script = scriptOf(unit).replace("knockctl watch", `knockctl watch -c ${daemon.configPath}`);
    const env = { ...process.env, ...environment, PATH: `${join(wire.dir, "bin")}:${process.env.PATH}` };
    const child = wire.spawn("server", ["sh", "-c", script], { stdio: "ignore", env, detached: true });
    // The watcher may not be ready yet: knock until it is.
    await until(
      async () => {
        await knock();
        return received().includes('"event":"open"');
      },
      20_000,
      500,
    );
    process.kill(-child.pid!, "SIGTERM");
    return received();
  }

  it("end with their reader, so that systemd starts both again", async () => {
    const watch = `knockctl watch --json -c ${daemon.configPath} | head -n 1`;
    const env = { ...process.env, PATH: `${join(wire.dir, "bin")}:${process.env.PATH}` };
    const child = wire.spawn("server", ["sh", "-c", watch], { stdio: "ignore", env, detached: true });
    await until(
      async () => {
        await knock();
        return child.exitCode !== null;
      },
      20_000,
      500,
    );
    assert.equal(child.exitCode, 0);
  });

  it("reach an MQTT broker", async () => {
    const broker = wire.spawn("server", ["/usr/sbin/mosquitto", "-p", "1883"], { stdio: "ignore" });
    const isUp = async () => (await wire.run("server", ["nc", "-z", "localhost", "1883"])).status === 0;
    await until(isUp, 10_000, 50);
    const subscriber = wire.spawn(
      "server",
      ["sh", "-c", "for i in $(seq 100); do mosquitto_sub -h localhost -t knockd/events && break; sleep 0.1; done"],
      {
        stdio: ["ignore", "pipe", "ignore"],
        detached: true,
      },
    );
    let text = "";
    subscriber.stdout!.on("data", (piece) => (text += piece));
    const events = await passed("knockd-mqtt.service", {}, () => text);
    process.kill(-subscriber.pid!, "SIGTERM");
    broker.kill();
    const opened = events.split("\n").find((line) => line.includes('"event":"open"'))!;
    const { event, ip, door } = JSON.parse(opened);
    assert.deepEqual([event, ip, door], ["open", wire.client, "door"]);
  });

  for (const [unit, variable, port, header] of [
    ["knockd-webhook.service", "HOOK", 8080, "content-type: application/json"],
    ["knockd-ntfy.service", "NTFY", 8081, "title: knockd"],
  ] as const)
    it(`are posted by ${unit}`, async () => {
      const file = join(wire.dir, `${variable}.posts`);
      writeFileSync(file, "");
      const program = `
const fs = require("fs");
const write = (text) => fs.appendFileSync(${JSON.stringify(file)}, text);
require("http").createServer((request, answer) => {
  for (const [name, value] of Object.entries(request.headers)) write(name + ": " + value + "\\n");
  request.on("data", write).on("end", () => answer.end());
}).listen(${port}, "127.0.0.1")`;
      const server = wire.spawn("server", [process.execPath, "-e", program], { stdio: "ignore" });
      const posts = await passed(unit, { [variable]: `http://127.0.0.1:${port}/knockd` }, () =>
        readFileSync(file, "utf8"),
      );
      server.kill();
      assert.match(posts, /"event":"open","ip":"10\.77\.0\.2","door":"door"/);
      assert.ok(posts.split("\n").includes(header), posts);
      if (variable === "NTFY") assert.doesNotMatch(posts, /"event":"stage"/);
    });
});
