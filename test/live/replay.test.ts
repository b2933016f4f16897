// Tests that knockctl replay says what the live daemon said of the same packets, which the real tcpdump recorded.
import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, describe, it } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import fc from "fast-check";
import { LISTENING, scene } from "../arbitrary.ts";
import { frame, type Segment } from "../frame.ts";
import { readStory, type Story } from "../story.ts";
import { until } from "../time-limit.ts";
import { Daemon } from "./daemon.ts";
import { needsRoot, type Result, repo, Wire } from "./wire.ts";

const KNOCKCTL = join(repo, "dist/src/knockctl.js");
const OWN = ["10.77.0.1", "fd77::1"];
const FLAGS_OF_OWN = OWN.flatMap((own) => ["-a", own]);

interface Said {
  /** Lines, each with its time in seconds since 1970. */
  readonly lines: readonly { readonly line: string; readonly time: number }[];
  readonly commands: readonly string[];
}

describe("a capture of tcpdump, when replayed, has the same lines as the daemon at that time:", {
  skip: needsRoot,
  concurrency: 4,
}, () => {
  const folder = join(repo, "test/stories");
  for (const file of readdirSync(folder).filter((name) => name.endsWith(".txt"))) {
    const story = unhurried(readStory(join(folder, file)));
    it(`${story.sentence} (${file})`, async () => {
      await sameLines({ ...story, config: noHaste(story.config), device: "eth0", least: story.expected.log.length });
    });
  }

  let compared = 0;
  const own = { ipv4: OWN[0]!, ipv6: OWN[1]! };
  const base = { own, gap: 0.01, seqTimeout: 60, again: true };
  const overlapping = { ...base, policies: false, mostWalks: 40, sources: ["10.77.0.2", "10.77.4.4", "fd77::2"] };
  fc.sample(scene(overlapping), { numRuns: 8, seed: 1813 }).forEach(({ config, packets }, number) => {
    it(`scene ${number}: ${packets.length} packets`, async () => {
      const end = packets.at(-1)!.at + 0.3;
      const lines = await sameLines({ config: noHaste(config), packets, files: {}, end, device: "eth0", least: 0 });
      compared += lines; // ignored until it is awaited, because four scenes run at once
    });
  });

  // A source that forges its address gets no answer, so a port that listens can't be recognised.
  const scanned = { ...base, policies: true, mostWalks: 16 };
  const scans = [
    ...fc.sample(scene({ ...scanned, sources: ["10.77.0.2"] }), { numRuns: 8, seed: 4438 }),
    ...fc.sample(scene({ ...scanned, sources: ["fd77::2"] }), { numRuns: 4, seed: 8235 }),
  ];
  scans.forEach(({ config, packets }, number) => {
    it(`scanned scene ${number}: ${packets.length} packets`, async () => {
      const lines = await sameLines({ config: pausing(config), packets, files: {}, end: 0, device: "eth0", least: 0 });
      compared += lines;
    });
  });
  it("a built-in door: opened, extended, closed", async () => {
    const config = noHaste("[a]\nsequence = 7001,7003\nopen = tcp/22,udp/53\nfor = 2s\n");
    const packets = [7001, 7003, 7001, 7003].map((port, i) => ({
      ...knockAt(port),
      sourcePort: 40_000 + i,
      at: 0.1 * i,
    }));
    await sameLines({ config, packets, files: {}, end: 4, device: "eth0", least: 9 });
  });

  it("a strict door, and a listening port between its knocks", async () => {
    const config = "[a]\nsequence = 7001,7003,7002\nStrict = yes\nBan_Time = 60\ncommand = echo a %IP% >> $KNOCK_LOG\n";
    const packets = [7001, LISTENING, 7003, 7002].map((port) => ({ ...knockAt(port), at: 0 }));
    await sameLines({ config: pausing(config), packets, files: {}, end: 0, device: "eth0", least: 5 });
  });

  after(() => assert.ok(compared > 250, `only ${compared} lines to compare in the scenes`));

  for (const type of ["LINUX_SLL", "LINUX_SLL2"]) {
    it(`at any: ${type}`, async () => {
      const story = readStory(join(folder, "three-knocks.txt"));
      await sameLines({
        ...story,
        config: noHaste(story.config),
        device: "any",
        type,
        least: story.expected.log.length,
      });
    });
  }
});

describe("knockctl replay", { skip: needsRoot }, () => {
  const CONFIG = `
[door]
  sequence = 7001,7003,7002
  seq_timeout = 5
  start_command = echo open %IP%
  cmd_timeout = 3
  stop_command = echo close %IP%
`;
  const knocks = [7001, 7003, 7002].map((port, i) => ({ at: 0.1 * i, frame: frame(knockAt(port)) }));

  it("reads from a pipe while tcpdump is still writing, with the real knock knocking", async () => {
    const wire = await Wire.open();
    try {
      const config = join(wire.dir, "k.conf");
      writeFileSync(config, CONFIG);
      const pipe = `tcpdump -i eth0 -U --immediate-mode -w - 'tcp or udp' | exec ${process.execPath} ${KNOCKCTL} replay -c ${config} -`;
      const both = wire.spawn("server", ["sh", "-c", pipe], { stdio: ["ignore", "pipe", "pipe"] });
      const said = listen(both);
      await said.until(() => said.stderr.includes("listening on eth0"));
      const client = [
        process.execPath,
        join(repo, "dist/src/knock.js"),
        "-d",
        "50",
        wire.server,
        "7001",
        "7003",
        "7002",
      ];
      assert.equal((await wire.run("client", client)).status, 0);
      await said.until(() => said.stdout.includes("running command: echo open 10.77.0.2"));
      assert.doesNotMatch(said.stdout, /close/, "its time has not come: no packet is later");
      await wire.run("server", [
        "sh",
        "-c",
        "kill $(ip netns pids $(ip netns identify) | xargs -n1 sh -c 'grep -qx tcpdump /proc/$0/comm && echo $0')",
      ]);
      await said.ended;
      assert.deepEqual(
        said.stdout.split("\n").map((line) => line.slice("2016-07-06 19:46:03.250000  ".length)),
        [
          "LOG LINE",
          "10.77.0.2: door: Stage 1",
          "10.77.0.2: door: Stage 2",
          "10.77.0.2: door: Stage 3",
          "10.77.0.2: door: OPEN SESAME",
          "door: running command: echo open 10.77.0.2",
          "10.77.0.2: door: command timeout",
          "door: running command: echo close 10.77.0.2",
          "",
        ],
      );
      assert.match(
        said.stderr,
        /^knockctl: \d+ TCP and UDP packets, 1 opening, at 10\.77\.0\.1\nknockctl: every destination counted/m,
      );
    } finally {
      await wire.close();
    }
  });

  it("reports the result by its exit status", async () => {
    const wire = await Wire.open();
    try {
      const [config, file] = [join(wire.dir, "k.conf"), join(wire.dir, "k.pcap")];
      writeFileSync(config, CONFIG);
      writeFileSync(join(wire.dir, "bad.conf"), "[door]\n\x1b[31msequense = 1\n");
      writeFileSync(join(wire.dir, "warns.conf"), "[door]\nsequence = 7000\nseq_timeout = 5\x1b[31m\n");
      writeFileSync(join(wire.dir, "text"), "no capture\n");
      const recording = await record(wire, "eth0", file);
      await wire.send(knocks);
      await recording.stop();
      const packets = /, (\d+) packets|(\d+) TCP and UDP packets/;
      const table: [args: string[], status: number, stderr: RegExp][] = [
        [[file, "-c", config], 0, packets],
        [[file, "-c", config, "-a", "10.77.0.1", "-a", "fd77::1"], 0, /1 opening, at 10\.77\.0\.1, fd77::1\n/],
        [[file, "-c", config, "-a", "10.77.0.9"], 1, /no knock, at 10\.77\.0\.9\n/],
        [[file, "-c", config, "-a", "10.77.0"], 2, /^error: .*'10\.77\.0' is invalid.* It is not an IP address/],
        [["-c", config], 2, /^error: missing required argument 'file'/],
        [[join(wire.dir, "none"), "-c", config], 3, /^knockctl: \S+none: No such file or directory\n$/],
        [[join(wire.dir, "text"), "-c", config], 3, /^knockctl: \S+text: unknown file format\n$/],
        [[file, "-c", join(wire.dir, "none")], 3, /^knockctl: \S+none: No such file or directory\n$/],
        [[file, "-c", join(wire.dir, "bad.conf")], 3, /^knockctl: config: line 2: .*"\?\[31msequense"/],
        [[join(wire.dir, "text"), "-c", join(wire.dir, "warns.conf")], 3, /^config: line 3: .*"5\?\[31m"/],
      ];
      for (const [args, status, stderr] of table) {
        const result = await replay(args);
        assert.equal(result.status, status, `${args}: ${result.stderr}`);
        assert.match(result.stderr, stderr);
        assert.equal(result.stdout !== "", status === 0, result.stdout);
      }
      const elsewhere = [file, "-c", config, "-a", "10.77.0.9", "--verdicts"];
      assert.match(
        (await replay(elsewhere)).stdout,
        /^TIME .*\n\S+ \S+ {2}\(10\.77\.0\.2: ignored: not sent to this host's address\)\n/,
      );
      const first = JSON.parse((await replay([...elsewhere, "--json"])).stdout.split("\n")[0]!);
      assert.deepEqual([first.type, first.line], ["verdict", "10.77.0.2: ignored: not sent to this host's address"]);
    } finally {
      await wire.close();
    }
  });
});

/** A busy machine may process in one moment what arrived over a longer time. Doors then wait, in case it is a scan. */
const noHaste = (config: string) => `[options]\n  Max_Strays = 0\n${config}`;

/**
 * The kernel passes the sequence after a one-time one only after the daemon has crossed that out on the disk. A knock
 * that comes before is in the recording, but the daemon does not receive it.
 */
function unhurried(story: Story): Story {
  if (!/one_time_sequences/i.test(story.config)) return story;
  return { ...story, packets: story.packets.map((one) => ({ ...one, at: 5 * one.at })), end: 5 * story.end };
}

/** Pauses at whose end no packet comes: the daemon's time for them differs from that of the recording. */
const pausing = (config: string) => `${config.replace(/(Ban_Time|Seq_Cooldown) = [1-9]/g, "$1 = 3600")}${MARK.config}`;

function knockAt(port: number): Segment {
  return { from: "10.77.0.2", to: "10.77.0.1", protocol: "tcp", port, sourcePort: 40_000 + port };
}

interface Scene {
  readonly config: string;
  readonly files: Readonly<Record<string, string>>;
  readonly packets: readonly (Segment & { readonly at: number })[];
  /** Seconds. */
  readonly end: number;
  readonly device: string;
  /** tcpdump's name of the link type. */
  readonly type?: string;
  /** The smallest number of lines, so that the comparison proves something. */
  readonly least: number;
}

async function sameLines({ config, files, packets, end, device, type, least }: Scene): Promise<number> {
  const wire = await Wire.open();
  try {
    // Replayed with copies of the files, because the daemon crosses out what is used.
    const mine = join(wire.dir, "replayed");
    mkdirSync(mine);
    for (const [name, text] of Object.entries({ ...files, "knockd.conf": config })) {
      writeFileSync(join(mine, name), text.replaceAll("@dir@", mine));
    }
    const server = wire.spawn("server", [
      process.execPath,
      "-e",
      `require("net").createServer().listen(${LISTENING}, "::")`,
    ]);
    const isScanned = config.includes("Ban_Time");
    const args = ["-i", device, "-c", "@dir@/knockd.conf", "-v", ...(isScanned ? ["-D"] : [])];
    const [daemon, recording] = await Promise.all([
      Daemon.start(wire, "ours", config, args, { files: { ...files }, ready: `listening on ${device}...` }),
      record(wire, device, join(mine, "k.pcap"), type),
    ]);
    const begun = Date.now();
    if (isScanned) await sendOneByOne(wire, daemon, packets);
    else await wire.send(packets.map((segment) => ({ at: segment.at, frame: frame(segment) })));
    await sleep(begun + end * 1000 - Date.now());
    const looked = Date.now() / 1000;
    await recording.stop();
    const all = await replayed(mine, FLAGS_OF_OWN);
    const due = all.lines.filter(({ time }) => time < looked).length;
    assert.ok(due >= least, `${due} lines`);
    const lines = () => daemon.lines().filter((line) => !isPacket(line));
    await daemon.waitFor(() => lines().length >= due).catch(() => {}); // the comparison says what is missing
    const live = lines().map((line) => line.replaceAll(daemon.dir, mine));
    assert.deepEqual(
      all.lines.slice(0, Math.max(live.length, due)).map(({ line }) => line),
      live,
      `${config}\n${JSON.stringify(packets)}`,
    );
    await daemon.waitFor(
      () => daemon.commands().length >= live.filter((line) => line.includes(": running command: ")).length,
    );
    const ran = daemon.commands();
    // They run in parallel: the system decides which of them writes first.
    assert.deepEqual(all.commands.slice(0, ran.length).map(whatItTells).sort(), [...ran].sort());
    if (packets.every(({ to }) => OWN.includes(to)))
      assert.deepEqual(await replayed(mine, []), all, "addresses guessed");
    server.kill();
    return live.length;
  } finally {
    await wire.close();
  }
}

/** A door whose second knock the daemon receives and ignores, if it comes without the first. */
const MARK = { port: 7021, config: "\n[mark]\n  sequence = 7020:udp,7021:udp\n" };

/**
 * Sends each when the daemon has received the one before, or its filter has dropped that: a scan is recognised only
 * once the filter is wide.
 */
async function sendOneByOne(wire: Wire, daemon: Daemon, packets: Scene["packets"]): Promise<void> {
  const marks = () => daemon.lines().filter((line) => isPacket(line) && line.includes(`:${MARK.port} `)).length;
  const mark = frame({ from: "10.77.0.99", to: wire.server, protocol: "udp", port: MARK.port });
  for (const segment of packets) {
    const before = marks();
    await wire.send([
      { at: 0, frame: frame(segment) },
      { at: 0, frame: mark },
    ]);
    await daemon.waitFor(() => marks() > before);
  }
}

/** What -D prints for each packet. */
function isPacket(line: string): boolean {
  return /^\d{4}-\d\d-\d\d [\d:]{8}: (tcp|udp): /.test(line);
}

/** What `echo … >> $KNOCK_LOG` leaves there. */
function whatItTells(command: string): string {
  return /^echo (.*?) ?>> ?\$KNOCK_LOG$/.exec(command)![1]!;
}

/** What a process without capabilities, outside the test's namespaces, makes of k.pcap. */
async function replayed(dir: string, args: string[]): Promise<Said> {
  const { status, stdout, stderr } = await replay([
    join(dir, "k.pcap"),
    "-c",
    join(dir, "knockd.conf"),
    "--json",
    ...args,
  ]);
  assert.ok(status === 0 || status === 1, stderr);
  const objects = stdout
    .split("\n")
    .slice(0, -1)
    .map((line) => JSON.parse(line));
  assert.equal(objects.at(-1).type, "end");
  assert.equal(objects.at(-1).openings > 0, status === 0);
  return {
    lines: objects.filter(({ type }) => type === "line").map(({ line, time }) => ({ line, time })),
    commands: objects.filter(({ type }) => type === "command").map(({ command }) => command),
  };
}

function replay(args: string[]): Promise<Pick<Result, "status" | "stdout" | "stderr">> {
  const powerless = ["--bounding-set=-all", "--inh-caps=-all", "--no-new-privs"];
  const child = spawn("setpriv", [...powerless, process.execPath, KNOCKCTL, "replay", ...args], {
    stdio: ["ignore", "pipe", "pipe"],
  });
  const said = listen(child);
  return said.ended.then((status) => ({ status, stdout: said.stdout, stderr: said.stderr }));
}

interface Output {
  stdout: string;
  stderr: string;
  readonly ended: Promise<number | null>;
  until(isTrue: () => boolean): Promise<void>;
}

function listen(child: ChildProcess): Output {
  const output: Output = {
    stdout: "",
    stderr: "",
    ended: new Promise((resolve) => child.once("close", resolve)),
    async until(isTrue) {
      if (await until(isTrue, 10_000)) return;
      throw new Error(`not within 10 s and more: ${output.stdout}${output.stderr}`);
    },
  };
  child.stdout?.setEncoding("utf8").on("data", (text) => (output.stdout += text));
  child.stderr?.setEncoding("utf8").on("data", (text) => (output.stderr += text));
  return output;
}

interface Recording {
  /** Waits until it has everything that was sent before. */
  stop(): Promise<void>;
}

/** tcpdump as people run it, in the server's namespace. */
async function record(wire: Wire, device: string, file: string, type?: string): Promise<Recording> {
  const link = type === undefined ? [] : ["-y", type];
  const argv = ["tcpdump", "-i", device, ...link, "-s", "256", "-Z", "root", "--immediate-mode", "-U", "-w", file];
  const tcpdump = wire.spawn("server", argv, { stdio: ["ignore", "ignore", "pipe"] });
  const said = listen(tcpdump);
  await said.until(() => said.stderr.includes("listening on"));
  return {
    async stop() {
      // A last packet, of a protocol for experiments (RFC 3692): whatever is still in tcpdump's ring when it ends is
      // lost.
      const last = {
        from: wire.client,
        to: wire.server,
        protocol: 253,
        port: 0,
        payload: Buffer.from("the last packet"),
      };
      await wire.send([{ at: 0, frame: frame(last) }]);
      await said.until(() => readFileSync(file).includes(last.payload));
      tcpdump.kill("SIGINT");
      await said.ended;
      assert.match(said.stderr, /\b0 packets dropped by kernel/);
    },
  };
}
