// Compares configs with Debian's knockd 0.8: we refuse what it refuses, in its words and a few more, and accept exactly
// what it accepts. Where we differ on purpose, the table says so.
import assert from "node:assert/strict";
import { existsSync, mkdtempSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { frame } from "../frame.ts";
import { until } from "../time-limit.ts";
import { Daemon, type Which } from "./daemon.ts";
import { needsRoot, repo, Wire } from "./wire.ts";

const PROGRAMS: Record<Which, string[]> = {
  ours: [process.execPath, join(repo, "dist/src/knockd.js")],
  judge: [join(repo, "build/judge/usr/sbin/knockd")],
};

interface Outcome {
  listening: boolean;
  status: number | null;
  stdout: string;
  stderr: string;
}

describe("a config, side by side with knockd 0.8:", { skip: needsRoot, concurrency: 2 }, () => {
  let wire: Wire;
  before(async () => {
    wire = await Wire.open();
  });
  after(() => wire?.close());

  /** Runs a daemon until it ends, or until it listens; then it is ended. @dir@ is its directory. */
  async function outcome(
    which: Which,
    config: string,
    args = ["-v"],
    files: Record<string, string> = {},
  ): Promise<Outcome> {
    const dir = mkdtempSync(join(wire.dir, `${which}-`));
    const here = (text: string) => text.replaceAll("@dir@", dir);
    for (const [name, text] of Object.entries({ ...files, "k.conf": config }))
      writeFileSync(join(dir, name), here(text));
    const argv = [...PROGRAMS[which], "-c", "@dir@/k.conf", ...args].map(here);
    const child = wire.spawn("server", argv, { cwd: dir, stdio: ["ignore", "pipe", "pipe"] });
    const said = { stdout: "", stderr: "" };
    child.stderr?.setEncoding("utf8").on("data", (text) => (said.stderr += text));
    child.stdout?.setEncoding("utf8").on("data", (text) => (said.stdout += text));
    let status: number | null | undefined;
    child.once("close", (value) => (status = value));
    const hasEnded = () => status !== undefined;
    await until(() => hasEnded() || said.stdout.includes("listening on eth0..."), 10_000);
    child.kill("SIGTERM");
    await until(hasEnded, 5000);
    const anywhere = (text: string) => text.replaceAll(dir, "@dir@");
    const listening = said.stdout.includes("listening on eth0...");
    return { listening, status: status ?? null, stdout: anywhere(said.stdout), stderr: anywhere(said.stderr) };
  }

  const both = (config: string, args?: string[], files?: Record<string, string>) =>
    Promise.all([outcome("judge", config, args, files), outcome("ours", config, args, files)]);
  const verdict = ({ listening, status }: Outcome) => ({ listening, status });
  const REFUSED = { listening: false, status: 1 };
  const ACCEPTED = { listening: true, status: 15 };

  describe("both refuse", { concurrency: 3 }, () => {
    const inDoor = (line: string) => `[a]\nsequence = 7\n${line}\n`;
    const oneTime = "[a]\none_time_sequences = @dir@/one-time\n";
    const table: [title: string, config: string, files?: Record<string, string>][] = [
      ["a directive outside a section", "sequence = 7\n"],
      ["a ; comment", "; x\n"],
      ["a byte order mark", "\ufeff[a]\nsequence = 7\n"],
      ["a line with no =", inDoor("command")],
      ["UseSyslog with another word", inDoor("UseSyslog x")],
      ["UseSyslog with an empty value", inDoor("UseSyslog =")],
      ["an unknown directive", inDoor("foo = 1")],
      ["an option in a door", inDoor("LogFile = @dir@/l")],
      ["an unknown option", "[options]\nfoo = 1\n"],
      ["a door's directive in [options]", "[options]\nsequence = 7\n"],
      ["a directive without a name", inDoor("= 1")],
      ["an empty section name", inDoor("[]")],
      ["a section and more", inDoor("[b] # x")],
      ["a door with no sequence", "[a]\ncommand = x\n"],
      ["a door by the name of [options ]", "[options ]\nUseSyslog\n"],
      ["port 65536", "[a]\nsequence = 65536\n"],
      ["port 65536x", "[a]\nsequence = 65536x\n"],
      ["another protocol", "[a]\nsequence = 7,8:sctp\n"],
      ["another protocol behind nonsense", "[a]\nsequence = x,8:sctp\n"],
      ["an empty protocol", "[a]\nsequence = 7:\n"],
      ["33 knocks", `[a]\nsequence = 7${",7".repeat(32)}\n`],
      ["an unknown flag", inDoor("tcpflags = syn,foo")],
      ["an empty flag", inDoor("tcpflags = syn,")],
      ["no flag", inDoor("tcpflags =")],
      ["a blank within a flag", inDoor("tcpflags = ! syn")],
      ["a sequences file that is missing", oneTime],
      ["a sequences file that is a directory", "[a]\none_time_sequences = @dir@\n"],
      ["a sequences file that has no name", "[a]\none_time_sequences =\n"],
      ["a sequences file that is used up", oneTime, { "one-time": "#7,8\n # 9\n\n" }],
    ];
    for (const [title, config, files] of table) {
      test(title, async () => {
        const [judge, ours] = await both(config, ["-v"], files);
        assert.deepEqual(verdict(judge), REFUSED);
        assert.deepEqual(verdict(ours), REFUSED);
        const words = judge.stderr.trim().replace(/^config: (?!line)/, "");
        assert.notEqual(words, "");
        assert.ok(ours.stderr.includes(words), `${words} is not in ${ours.stderr}`);
        assert.match(ours.stderr, /^[^\n]+\n$/);
        assert.equal(ours.stdout, ""); // 0.8 adds its whole usage text
        assert.match(judge.stdout, /^usage: knockd/);
      });
    }

    test("a missing config file", async () => {
      const [judge, ours] = await both("", ["-v", "-c", "@dir@/nope"]);
      assert.deepEqual([verdict(judge), verdict(ours)], [REFUSED, REFUSED]);
      assert.equal(judge.stderr, "@dir@/nope: No such file or directory\n");
      assert.equal(ours.stderr, judge.stderr);
    });
  });

  describe("both accept", { concurrency: 3 }, () => {
    const table: [title: string, config: string, args?: string[]][] = [
      ["an empty file", ""],
      ["[options] alone, and again", "[options]\n[options]\nInterface =\n"],
      ["CRs, tabs, and no last newline", "\t[a]\r\n\r\n\t#\r\n sequence\t=\t7\t\r\n command = x"],
      ["-i beside another Interface", "[options]\nInterface = nope\n", ["-v", "-i", "eth0"]],
      ["[Options] that is a door", "[Options]\nsequence = 7\n"],
      ["flags that contradict each other", "[a]\nsequence = 7\ntcpflags = syn,!syn\n"],
    ];
    for (const [title, config, args] of table) {
      test(title, async () => {
        for (const one of await both(config, args)) {
          assert.deepEqual({ ...verdict(one), stderr: one.stderr }, { ...ACCEPTED, stderr: "" });
        }
      });
    }

    test("the bare UseSyslog, in a door too; and only knockd-ng [Options] with UseSyslog = yes", async () => {
      const bare = "[a]\nsequence = 7\nUSESYSLOG\n";
      const harmless = "[Options]\nUseSyslog = yes\n";
      assert.deepEqual(verdict(await outcome("judge", harmless)), REFUSED);
      for (const [which, config] of [
        ["judge", bare],
        ["ours", bare],
        ["ours", harmless],
      ] as const) {
        const daemon = await Daemon.start(wire, which, config, undefined, { syslog: true });
        await daemon.waitFor(() => daemon.syslog().length > 0);
        assert.match(daemon.syslog()[0]!, / knockd: starting up, listening on eth0$/);
        await daemon.stop();
      }
    });

    test("LogFile, which overrides -g", async () => {
      for (const which of ["judge", "ours"] as const) {
        const args = ["-c", "@dir@/knockd.conf", "-v", "-g", "@dir@/flag"];
        const daemon = await Daemon.start(wire, which, "[options]\nLogFile = @dir@/file\n", args);
        await daemon.stop();
        assert.deepEqual([existsSync(join(daemon.dir, "file")), existsSync(join(daemon.dir, "flag"))], [true, false]);
      }
    });
  });

  describe("deliberate differences:", { concurrency: 3 }, () => {
    const NONSENSE = `0  7000,-5  ssh  7000x  "7000 8000"  ""  7000,  7000,,8000  :udp  7:udp:tcp`;
    const bad = [
      ...NONSENSE.split("  ").map((text) => `sequence = ${text.replaceAll('"', "")}`.trim()),
      ...["soon", "", "-1", "0"].map((text) => `seq_timeout = ${text}`.trim()),
      ...["soon", "", "-1"].map((text) => `cmd_timeout = ${text}`.trim()),
    ];

    test("a bad value that 0.8 accepts closes its door, with a line for each; the others work", async () => {
      const sections = bad.map((line, i) => `[bad ${i}]\nsequence = 7,8\ncommand = x\n${line}\n`);
      const good = "[good]\nsequence = 9\ncommand = echo %IP% >> $KNOCK_LOG\n";
      const config = [good, ...sections, good].join("");
      assert.deepEqual(verdict(await outcome("judge", config)), ACCEPTED);
      const daemon = await Daemon.start(wire, "ours", config);
      const warnings = daemon.stderr.trim().split("\n");
      assert.equal(warnings.length, bad.length, daemon.stderr);
      bad.forEach((line, i) => {
        assert.ok(warnings[i]!.startsWith(`config: line ${3 + 4 * i + 4}: `), warnings[i]);
        assert.ok(warnings[i]!.endsWith(`: door 'bad ${i}' stays closed (${daemon.configPath}: ${line})`), warnings[i]);
      });
      const knock = (port: number) => frame({ from: wire.client, to: wire.server, protocol: "tcp", port });
      await wire.send([7, 8, 9].map((port, i) => ({ at: i / 10, frame: knock(port) })));
      await daemon.waitFor(() => daemon.commands().length === 2);
      assert.doesNotMatch(daemon.stdout, /bad/); // the knock at the valid doors came last
      await daemon.stop();
    });

    const TARGETS = ["nobody.invalid", "300.1.1.1", "1.2.3.4.5", "10.77.0.0/24", ""];
    test("an unresolvable Target closes its door; 0.8 refuses all doors", async () => {
      const lines = TARGETS.map((target) => `target = ${target}`.trim());
      for (const line of lines) {
        assert.deepEqual(verdict(await outcome("judge", `[a]\nsequence = 7\n${line}\n`)), REFUSED);
      }
      const ours = await outcome("ours", lines.map((line) => `[a]\nsequence = 7\n${line}\n`).join(""));
      assert.deepEqual(verdict(ours), ACCEPTED);
      for (const [i, line] of lines.entries()) {
        const told = ours.stderr.split("\n").filter((warning) => warning.startsWith(`config: line ${3 * i + 3}: `));
        assert.equal(told.length, 1, ours.stderr);
        assert.ok(told[0]!.endsWith(`: door 'a' stays closed (@dir@/k.conf: ${line})`), told[0]);
      }
    });

    const table: [title: string, judge: object, ours: object, stderr: RegExp, config: string, args?: string[]][] = [
      ["we accept a blank in TCPFlags", REFUSED, ACCEPTED, /^$/, "[a]\nsequence = 7\ntcpflags = syn, ack\n"],
      ["we accept a comment behind a protocol", REFUSED, ACCEPTED, /^$/, "[a]\nsequence = 7:udp # x\n"],
      ["we accept a comment behind a Target", REFUSED, ACCEPTED, /^$/, "[a]\nsequence = 7\ntarget = 10.77.0.1 # x\n"],
      ["we accept UseSyslog = no", REFUSED, ACCEPTED, /^$/, "[options]\nUseSyslog = no\n"],
      ["we accept [Options] that are the options", REFUSED, ACCEPTED, /^$/, "[Options]\nInterface = eth0\n"],
      [
        "we accept a line of 5,000 bytes",
        REFUSED,
        ACCEPTED,
        /^$/,
        `[a]\nsequence = 7\ncommand = ${"x".repeat(4990)}\n`,
      ],
      ["we refuse a directory", ACCEPTED, REFUSED, /^@dir@: Is a directory\n$/, "", ["-v", "-c", "@dir@"]],
      [
        "we refuse a NUL, where 0.8 ends the line",
        ACCEPTED,
        REFUSED,
        /line 2: .*NUL/,
        "[a]\ncommand = x\0y\nsequence = 7\n",
      ],
    ];
    for (const [title, judge, ours, stderr, config, args] of table) {
      test(title, async () => {
        const [theirs, said] = await both(config, args);
        assert.deepEqual([verdict(theirs), verdict(said)], [judge, ours]);
        assert.match(said.stderr, stderr);
      });
    }
  });
});
