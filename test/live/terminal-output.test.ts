// Tests what knockctl prints at a terminal of 80 columns, for a daemon with long addresses and awkward names: nothing
// is wider, and there is colour only where it is wanted.
import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import stringWidth from "string-width";
import { frame } from "../frame.ts";
import { Daemon } from "./daemon.ts";
import { needsRoot, repo, Wire } from "./wire.ts";

const many = Array.from({ length: 24 }, (_, i) => `[door number ${i}]\nsequence = ${8000 + i}\ncommand = true\n`);
const CONFIG = `
[openSSH]
  sequence = 7461,7462,7463
  seq_timeout = 60
  start_command = true
  cmd_timeout = 500
  stop_command = true
[the mail server in the cellar]
  sequence = 7464
  command = exit 3
[日本語の扉と長い名前の扉]
  sequence = 7465,7466
  seq_timeout = 60
  command = true
[nonsense]
  sequence = 7465 7466
  command = true
[one-time]
  one_time_sequences = @dir@/sequences
  command = true
${many.join("")}`;
const OWN = ["2a02:8108:96bf:f9f8:5a11:22ff:fe9d:4c1d", "fdaa:bbbb:cccc:dddd:eeee:1111:2222:3333"];
const CLIENT = "2a02:8108:96bf:f9f8:aaaa:bbbb:cccc:dddd";

describe("knockctl at a terminal of 80 columns", { skip: needsRoot }, () => {
  let wire: Wire;
  let daemon: Daemon;
  let sequence = 0;
  before(async () => {
    wire = await Wire.open();
    for (const address of OWN) {
      const { status, stderr } = await wire.run("server", `ip -6 addr add ${address}/64 dev eth0 nodad`.split(" "));
      assert.equal(status, 0, stderr);
    }
    const args = ["-i", "eth0,wlan9", "-c", "@dir@/knockd.conf", "-v"];
    daemon = await Daemon.start(wire, "ours", CONFIG, args, { files: { sequences: "7511,7512\n" } });
    await knock(CLIENT, 7461, 7462, 7463, 7464, 7461, 7464, 7465, 9999);
    await knock(wire.client, 7461, 7462, 7463);
    await daemon.waitFor("10.77.0.2: openSSH: OPEN SESAME");
    await daemon.waitFor(() => daemon.stderr.includes("cellar: command returned"));
  });
  after(async () => {
    await daemon?.stop();
    await wire?.close();
  });

  const knock = (from: string, ...ports: number[]) => {
    const to = from.includes(":") ? OWN[0]! : wire.server;
    const frames = ports.map((port, i) => {
      const segment = { from, to, protocol: "tcp", port, sourcePort: 20_000 + ++sequence, seq: sequence } as const;
      return { at: 0.06 * i, frame: frame(segment) };
    });
    return wire.send(frames);
  };
  const command = (words: string) =>
    `${process.execPath} ${join(repo, "dist/src/knockctl.js")} ${words} -c ${daemon.configPath}`;
  /** What a person sees, without carriage returns. */
  async function atTerminal(words: string, env: NodeJS.ProcessEnv = {}): Promise<string> {
    const line = `stty cols 80; ${command(words)}`;
    const { stdout } = await wire.run("server", ["script", "-qec", line, "/dev/null"], {
      env: { TERM: "xterm", LANG: "C.UTF-8", CI: undefined, NO_COLOR: undefined, FORCE_COLOR: undefined, ...env },
    });
    return stdout.replaceAll("\r\n", "\n");
  }
  const tooWide = (text: string) => text.split("\n").filter((line) => stringWidth(line) > 80);

  for (const words of [
    "status",
    "doors",
    "self-test",
    `explain ${CLIENT}`,
    `explain ${CLIENT} --secrets`,
    "explain --last",
    "explain 192.0.2.99",
    `open openSSH ${CLIENT}`,
    `extend openSSH ${CLIENT} 60`,
    "open opnSSH 192.0.2.1",
    `close openSSH ${CLIENT}`,
  ]) {
    it(words, async () => {
      const text = await atTerminal(words);
      assert.notEqual(text, "");
      assert.deepEqual(tooWide(text), []);
      const plain = await atTerminal(words, { NO_COLOR: "1" });
      assert.ok(!plain.includes("\x1b"), plain);
      if (!/^(open|close|extend)/.test(words)) assert.ok(text.includes("\x1b[3"), text);
    });
  }

  it("watch", async () => {
    for (const env of [{}, { NO_COLOR: "1" }]) {
      const line = `stty cols 80; ${command("watch")}`;
      const all = { TERM: "xterm", LANG: "C.UTF-8", CI: undefined, FORCE_COLOR: undefined, ...env };
      const watching = wire.spawn("server", ["script", "-qec", line, "/dev/null"], { env: { ...process.env, ...all } });
      let text = "";
      watching.stdout!.setEncoding("utf8").on("data", (more) => (text += more));
      for (let tries = 0; !text.includes("Stage 1") && tries < 100; tries++)
        await knock(CLIENT, 7465, 7465, 7464, 9998);
      await daemon.waitFor(() => /wrong\s+knock/.test(text) && /command/.test(text));
      watching.kill("SIGKILL");
      assert.deepEqual(tooWide(text.replaceAll("\r\n", "\n").split("\n").slice(0, -1).join("\n")), []);
      assert.equal(text.includes("\x1b"), env.NO_COLOR === undefined);
    }
  });

  it("marks what it cuts with dots that every terminal has, without UTF-8", async () => {
    const [withUtf8, without] = [await atTerminal("doors"), await atTerminal("doors", { LANG: "C", LC_ALL: "C" })];
    assert.ok(withUtf8.includes("日本語"));
    assert.ok(!/[●…]/.test(without), without);
  });

  it("in a pipe has no symbol and, unless FORCE_COLOR is set, no colour", async () => {
    const piped = async (env: NodeJS.ProcessEnv) => {
      const clean = { CI: undefined, NO_COLOR: undefined, FORCE_COLOR: undefined, ...env };
      const { stdout } = await wire.run("server", ["sh", "-c", `${command("status")} | cat`], { env: clean });
      assert.deepEqual(tooWide(stdout), []);
      assert.match(stdout, /^(?:\x1b\[32m)?knockd \S+ is listening/);
      return stdout.includes("\x1b");
    };
    assert.equal(await piped({}), false);
    assert.equal(await piped({ FORCE_COLOR: "1" }), true);
    assert.equal(await piped({ FORCE_COLOR: "0" }), false);
    assert.equal(await piped({ FORCE_COLOR: "1", NO_COLOR: "1" }), false);
  });

  it("replay", async () => {
    const file = join(daemon.dir, "empty.pcap");
    const header = Buffer.alloc(24);
    header.writeUInt32LE(0xa1b2c3d4, 0);
    header.writeUInt16LE(2, 4);
    header.writeUInt16LE(4, 6);
    header.writeUInt32LE(65_535, 16);
    header.writeUInt32LE(1, 20);
    const packet = frame({ from: wire.client, to: wire.server, protocol: "tcp", port: 7461, seq: 1 });
    const record = Buffer.alloc(16);
    record.writeUInt32LE(1_700_000_000, 0);
    record.writeUInt32LE(packet.length, 8);
    record.writeUInt32LE(packet.length, 12);
    writeFileSync(file, Buffer.concat([header, record, packet]));
    const text = await atTerminal(`replay ${file}`);
    assert.match(text, /^.*config: line/);
    assert.match(text, /^TIME +LOG LINE\n/m);
    assert.match(text, /10\.77\.0\.2: openSSH: Stage 1\n/);
    assert.ok(!(await atTerminal(`replay ${file}`, { NO_COLOR: "1" })).includes("\x1b"));
  });
});
