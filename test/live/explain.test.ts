// Tests knockctl explain with the real daemon and real packets: a case for each verdict, and what remains of it in a
// flood.
import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, afterEach, before, describe, it } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import type { Answer, ExplanationAnswer, VerdictAnswer } from "../../src/control/protocol.ts";
import { ask } from "../../src/knockctl/request.ts";
import { frame, type Segment } from "../frame.ts";
import { bound, until } from "../time-limit.ts";
import { Daemon } from "./daemon.ts";
import { needsRoot, repo, Wire } from "./wire.ts";

const CONFIG = `
[openSSH]
  sequence = 7461,7462:udp,7463
  seq_timeout = 60
  tcpflags = syn
  start_command = echo open %IP% >>$KNOCK_LOG
[mail]
  sequence = 7463,7464
  seq_timeout = 60
  tcpflags = syn
[short]
  sequence = 7471,7472
  seq_timeout = 1
[guarded]
  sequence = 7481,7482
  Max_Strays = 3
[rare]
  sequence = 7491
  Seq_Cooldown = 60
[elsewhere]
  sequence = 7501,7502
  Target = 10.77.0.9
[once]
  one_time_sequences = @dir@/sequences
  tcpflags = syn
`;
const FILES = { sequences: "7511,7512\n7513,7514\n" };
const STRAYS = [9991, 9992, 9993];

/** A packet, or a pause in seconds before the next one. */
type Step = number | (Partial<Segment> & { readonly port: number }) | { readonly pause: number };

describe("knockctl explain", { skip: needsRoot }, () => {
  let wire: Wire;
  let daemon: Daemon;
  let sent = 0;
  let sources = 10;

  before(async () => {
    wire = await Wire.open();
  });
  after(() => wire?.close());
  const start = async () => {
    daemon = await Daemon.start(wire, "ours", CONFIG, ["-i", "eth0", "-c", "@dir@/knockd.conf", "-v"], {
      files: FILES,
    });
  };
  afterEach(() => daemon?.stop());

  const newSource = () => `10.77.0.${++sources}`;
  const packet = (from: string, step: Partial<Segment> & { readonly port: number }) =>
    frame({ from, to: wire.server, protocol: "tcp", sourcePort: 20_000 + (++sent % 40_000), seq: sent, ...step });

  /**
   * 40 ms apart: nobody is in haste who is not meant to be. A busy machine needs longer to widen its filter after the first knock;
   * but less than the second that a sequence here has.
   */
  function knock(from: string, ...steps: Step[]): Promise<unknown> {
    const gap = Math.min(bound(40), 300) / 1000;
    let at = 0;
    const frames = steps.flatMap((step) => {
      if (typeof step === "object" && "pause" in step) {
        at += step.pause;
        return [];
      }
      at += gap;
      return [{ at, frame: packet(from, typeof step === "number" ? { port: step } : step) }];
    });
    return wire.send(frames);
  }
  const udp = (port: number) => ({ port, protocol: "udp" as const });

  async function explained(ip: string): Promise<{ verdicts: VerdictAnswer[]; end: ExplanationAnswer }> {
    const { answers, troubles } = await ask(daemon.configPath, "explain", { ip });
    assert.deepEqual(troubles, []);
    const all: readonly Answer[] = answers.flat();
    return {
      verdicts: all.filter((answer): answer is VerdictAnswer => answer.type === "verdict"),
      end: all.find((answer): answer is ExplanationAnswer => answer.type === "explanation")!,
    };
  }
  /** On a slow machine, packets may be processed together. */
  const short = (verdicts: readonly VerdictAnswer[]) =>
    verdicts
      .filter(({ verdict }) => verdict !== "held")
      .map(({ door, verdict, stage }) => [door ?? "-", verdict, ...(stage === undefined ? [] : [stage])].join(" "));

  /** Waits until the explanation of the client's packets contains this. */
  async function waitFor(ip: string, ...expected: string[]): Promise<ExplanationAnswer> {
    let answer: Awaited<ReturnType<typeof explained>>;
    let inOrder: (lines: readonly string[]) => readonly string[];
    const isTrue = async () => {
      answer = await explained(ip);
      // For a client that was held, the opening comes last.
      const isHeld = answer.verdicts.some(({ verdict }) => verdict === "held");
      inOrder = (lines) => (isHeld ? [...lines].sort() : lines);
      return `${inOrder(short(answer.verdicts))}` === `${inOrder(expected)}`;
    };
    await until(isTrue, 10_000, 20);
    assert.deepEqual(inOrder!(short(answer!.verdicts)), inOrder!(expected));
    return answer!.end;
  }

  const knockctl = (...args: string[]) =>
    wire.run("server", [
      process.execPath,
      join(repo, "dist/src/knockctl.js"),
      "explain",
      ...args,
      "-c",
      daemon.configPath,
    ]);

  const OPENED = ["openSSH stage 1", "openSSH stage 2", "openSSH stage 3", "openSSH open 3", "mail taken"];

  it("says that the door opened, with status 0, and shows ports only to root on request", async () => {
    await start();
    const me = newSource();
    await knock(me, 7461, udp(7462), 7463);
    await waitFor(me, ...OPENED);
    const { status, stdout, stderr } = await knockctl(me);
    assert.deepEqual({ status, stderr }, { status: 0, stderr: "" });
    const lines = stdout.split("\n").slice(0, -1);
    assert.match(lines[0]!, /^10\.77\.0\.\d+: 3 packets, opened$/);
    assert.match(lines[2]!, /^TIME +DOOR +WHAT HAPPENED$/);
    assert.match(stdout, /^\d\d:\d\d:\d\d\.\d{3} +openSSH +Stage 2 of 3, 0\.\d+ s after the first knock$/m);
    assert.match(
      stdout,
      /\n\nIf you cannot connect now, check the firewall, and the log for the command of\sopenSSH\.\n$/,
    );
    assert.doesNotMatch(stdout, /746\d/);
    const withoutClock = (text: string) => text.replace(/^\d\d:\d\d:\d\d\.\d\d\d /gm, "");
    assert.equal(withoutClock((await knockctl("--last")).stdout), withoutClock(stdout));
    const secrets = await knockctl(me, "--secrets");
    assert.match(secrets.stdout, / openSSH +7461:tcp +Stage 1 of 3\n.* 7462:udp +Stage 2/);
    const json = (await knockctl(me, "--json")).stdout.trimEnd().split("\n");
    const { type, version, ip, door, verdict, stage, of, times } = JSON.parse(json[1]!);
    assert.deepEqual(
      { type, version, ip, door, verdict, stage, of, times },
      { type: "verdict", version: 1, ip: me, door: "openSSH", verdict: "stage", stage: 1, of: 3, times: 1 },
    );
    assert.equal(JSON.parse(json.at(-1)!).type, "end");
    assert.doesNotMatch(`${json}`, /746\d/);
  });

  const cases: [what: string, steps: Step[], expected: string[], advice: RegExp][] = [
    [
      "a knock that made a stage, and no more",
      [7461],
      ["openSSH stage 1"],
      /waits for the knock of Stage 2, for \d+ s/,
    ],
    [
      "the wrong knock",
      [7461, { pause: 0.5 }, 7464], // packets sent together get different advice
      ["openSSH stage 1", "openSSH wrong 1"],
      /in the order of the sequence of openSSH/,
    ],
    ["a later knock", [udp(7462)], ["- later"], /Begin with the first knock/],
    [
      "a knock made twice",
      [7461, 7461],
      ["openSSH stage 1", "openSSH twice 1"],
      /openSSH waits for the knock of Stage 2/,
    ],
    [
      "a retransmission",
      [
        { port: 7461, sourcePort: 1234, seq: 77 },
        { port: 7461, sourcePort: 1234, seq: 77 },
      ],
      ["openSSH stage 1", "- again"],
      /openSSH waits/,
    ],
    ["TCP flags", [7461, { port: 7463, flags: ["fin"] }], ["openSSH stage 1", "- flags"], /Send plain SYNs/],
    ["another address", [7461, 7501], ["openSSH stage 1", "- address"], /Knock at an address that knockd listens on/],
    [
      "a late knock",
      [7471, { pause: 1.3 }, 7472],
      ["short stage 1", "short timeout 1", "short late 1"],
      /^Knock faster, within the 1 s that short allows, or set a longer Seq_Timeout/,
    ],
    [
      "other ports, one too many, and the ban",
      // After the ban begins, the source has one more try (scan-detector.ts). With a wrong knock it is banned for good.
      [7481, ...STRAYS, 7481, 7464, 7481],
      ["guarded stage 1", "- stray", "- stray", "- scan", "guarded stage 1", "guarded wrong 1", "guarded banned"],
      /Touch no other ports while knocking\. knockd listens to this address again in (60|5\d) s/,
    ],
    ["a cooldown", [7491, 7491], ["rare stage 1", "rare open 1", "rare cooldown"], /opens again in (60|5\d) s/],
  ];
  for (const [what, steps, expected, advice] of cases) {
    it(`explains ${what}`, async () => {
      await start();
      const me = newSource();
      await knock(me, ...steps);
      const end = await waitFor(me, ...expected);
      assert.match(end.advice, advice);
      assert.equal(end.outcome, "not opened");
      const { status, stdout } = await knockctl(me);
      assert.equal(status, 1);
      assert.doesNotMatch(stdout, /74\d\d|75\d\d|999\d/);
    });
  }

  it("explains an attempt that timed out, and by how much a knock was late", async () => {
    await start();
    const me = newSource();
    await knock(me, 7471);
    await daemon.waitFor(`${me}: short: sequence timeout (stage 1)`);
    assert.match((await waitFor(me, "short stage 1", "short timeout 1")).advice, /Knock again, within the 1 s/);
    await knock(me, 7472);
    await waitFor(me, "short stage 1", "short timeout 1", "short late 1");
    const late = (await explained(me)).verdicts.at(-1)!;
    assert.match(late.text, /^short: too late by [\d.]+ s for Stage 2$/);
  });

  it("explains a port that is no knock, if packets to it are captured", async () => {
    await start();
    const [other, me] = [newSource(), newSource()];
    await knock(other, 7461); // the kernel passes it only from now on
    await waitFor(other, "openSSH stage 1");
    await knock(me, { pause: 0.1 }, 9990);
    assert.match((await waitFor(me, "- other")).advice, /Compare the client's ports and protocols/);
  });

  it("explains an opening that was held because the client was very fast", async () => {
    await start();
    const seen: string[] = [];
    for (let tries = 0; tries < 50 && !seen.includes("held"); tries++) {
      const me = newSource();
      await wire.send(
        [7461, 7462, 7463].map((port) => ({ at: 0, frame: packet(me, port === 7462 ? udp(port) : { port }) })),
      );
      await daemon.waitFor(`${me}: openSSH: OPEN SESAME`);
      const { verdicts, end } = await explained(me);
      assert.equal(end.outcome, "opened");
      seen.push(...verdicts.map(({ verdict }) => verdict));
    }
    assert.ok(seen.includes("held"), `${seen}`);
  });

  it("explains a one-time sequence that another client has used, and the client's own", async () => {
    await start();
    const [first, second] = [newSource(), newSource()];
    await knock(second, 7511);
    await waitFor(second, "once stage 1");
    await knock(first, 7511, 7512);
    const done = await waitFor(first, "once stage 1", "once stage 2", "once open 2");
    assert.match(done.advice, /^That sequence is used up\. Next time, knock the next sequence in the file of once/);
    assert.match(
      (await waitFor(second, "once stage 1", "once used 1")).advice,
      /^Knock the next sequence in the file of once/,
    );
  });

  it("explains an attempt that was ended by a new config", async () => {
    await start();
    const me = newSource();
    await knock(me, 7461);
    await waitFor(me, "openSSH stage 1");
    writeFileSync(daemon.configPath, CONFIG.replaceAll("@dir@", daemon.dir).replace("7461,7462:udp", "7465,7462:udp"));
    daemon.signal("SIGHUP");
    assert.match((await waitFor(me, "openSSH stage 1", "openSSH changed 1")).advice, /by the config as it is now/);
  });

  it("says what to check if nothing was seen, with status 4; 1 for what cannot be explained, 2 for a wrong command line", async () => {
    await start();
    const last = await knockctl("--last");
    assert.deepEqual([last.status, last.stdout], [1, ""]);
    assert.equal(last.stderr, "knockctl: no client has knocked since knockd started\n");
    const me = newSource();
    await knock(me, 22, 80);
    const { status, stdout, stderr } = await knockctl(me);
    assert.deepEqual({ status, stderr }, { status: 4, stderr: "" });
    assert.match(stdout, /^10\.77\.0\.\d+: nothing was seen\n\nNothing from this address was a knock\. /);
    const nonsense = await knockctl("nonsense");
    assert.deepEqual([nonsense.status, nonsense.stderr], [2, 'error: "nonsense" is not an IP address\n']);
    for (const args of [[], [me, "--last"], [me, me], ["-x"]]) assert.equal((await knockctl(...args)).status, 2);
  });

  it("--follow shows every packet from an address as it arrives, then advice, and afterwards the filter is as before", async () => {
    await start();
    const [me, other] = [newSource(), newSource()];
    const argv = [process.execPath, join(repo, "dist/src/knockctl.js"), "explain", me, "--follow", "--secrets"];
    const follower = wire.spawn("server", [...argv, "-c", daemon.configPath], { stdio: ["ignore", "pipe", "pipe"] });
    const ended = new Promise<number | null>((resolve) => follower.once("exit", resolve));
    let [said, complained] = ["", ""];
    follower.stdout!.setEncoding("utf8").on("data", (text) => (said += text));
    follower.stderr!.setEncoding("utf8").on("data", (text) => (complained += text));
    const told = (what: RegExp) => daemon.waitFor(() => what.test(said) || follower.exitCode !== null, 10_000);
    for (let tries = 0; said === "" && tries < 100; tries++) await knock(me, { pause: 0.1 }, 9990); // it begins
    await knock(me, udp(53), 7462, { port: 7461, flags: ["fin"] }, { port: 7461, flags: ["ack"] });
    await knock(me, { port: 80, to: "10.77.0.7" });
    await knock(other, 9991);
    await knock(me, 7471);
    await told(/short +7471:tcp +Stage 1/);
    await daemon.waitFor(`${me}: short: sequence timeout (stage 1)`);
    await knock(me, 7472);
    await told(/too late/);
    const busy = await knockctl(other, "--follow");
    assert.deepEqual([busy.status, busy.stderr], [1, "knockctl: another address is being followed already\n"]);
    follower.kill("SIGINT");
    assert.equal(await ended, 1, complained);
    assert.equal(complained, "");
    const [header, ...lines] = said.split("\n").map((line) => line.split(/ {2,}/).slice(1).join(" | "));
    assert.equal(header, "DOOR | KNOCK | WHAT HAPPENED");
    while (lines[1] === lines[0]) lines.shift(); // it had begun before the file had its first line
    assert.match(lines.splice(7, 1)[0]!, /^short \| 7472:tcp \| too late by [\d.]+ s for Stage 2$/);
    assert.deepEqual(lines.slice(0, 7), [
      "- | 9990:tcp | ignored: not a knock of any door",
      "- | 53:udp | ignored: not a knock of any door",
      "- | 7462:tcp | ignored: not a knock of any door",
      "- | 7461:tcp | ignored: TCP flags match no door (TCPFlags)",
      "- | 80:tcp | ignored: not sent to this host's address",
      "short | 7471:tcp | Stage 1 of 2",
      "short | - | sequence timeout (stage 1)",
    ]);
    assert.match(
      said,
      /\n\n10\.77\.0\.\d+: \d+ packets, not opened\nKnock faster, within the 1 s that short allows, or set a longer Seq_Timeout\.\n$/,
    );

    // A wide filter passes no UDP, because no door is strict, and the daemon may not know yet that the other one has
    // gone.
    const count = async (what: string) =>
      (await explained(me)).verdicts.reduce(
        (sum, { verdict, door, times }) => sum + ((door ?? verdict) === what ? times : 0),
        0,
      );
    let isSeen = true;
    for (let tries = 0; isSeen && tries < 50; tries++) {
      const [others, knocks] = [await count("other"), await count("openSSH")];
      await knock(me, udp(53), 7461);
      while ((await count("openSSH")) === knocks) await sleep(20);
      isSeen = (await count("other")) > others;
    }
    assert.equal(isSeen, false);
    const none = (await explained(other)).verdicts;
    assert.ok(
      none.every(({ verdict }) => verdict === "other") && none.length <= 1,
      "of others nothing, while nobody knocks",
    );
  });

  it("explains IPv6", async () => {
    await start();
    const me = "fd77::beef";
    await wire.send([7461, 7464].map((port, i) => ({ at: 0.04 * i, frame: packet(me, { port, to: wire.server6 }) })));
    const end = await waitFor(me, "openSSH stage 1", "openSSH wrong 1");
    assert.equal(end.ip, me);
    assert.equal((await knockctl("FD77:0::BEEF")).status, 1, "however it is written");
  });

  it("knows what an honest client did before and during 300,000 forged first knocks", async () => {
    await start();
    const [before, during] = [newSource(), newSource()];
    await knock(before, 7461, 7464);
    await waitFor(before, "openSSH stage 1", "openSSH wrong 1");
    const forged = frame({ from: "10.80.0.0", to: wire.server, protocol: "tcp", port: 7461 });
    const flood = wire.flood({ templates: [forged], count: 300_000, rate: 60_000, vary: "source" });
    await knock(during, { pause: 1 }, 7461, udp(7462), 7463);
    await daemon.waitFor(() => daemon.commands().length === 1, 30_000);
    await flood;
    const strangers = (verdicts: readonly VerdictAnswer[]) =>
      short(verdicts).filter((line) => !line.endsWith("stage 1"));
    assert.deepEqual(strangers((await explained(before)).verdicts), ["openSSH wrong 1"]);
    assert.deepEqual(strangers((await explained(during)).verdicts).sort(), OPENED.slice(1).sort());
    const { status, stdout } = await knockctl(before);
    assert.equal(status, 1);
    assert.match(stdout, /not opened\nA flood \d+ s ago kept some packets from being recorded\.\n/);
  });
});
