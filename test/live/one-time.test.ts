// Tests one-time sequences with the running daemon, compared with 0.8, which can neither cross them out nor reach their
// end.
import assert from "node:assert/strict";
import { mkdirSync, readFileSync, rmdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { frame } from "../frame.ts";
import { Daemon, type Which } from "./daemon.ts";
import { needsRoot, Wire } from "./wire.ts";

const BOTH = ["judge", "ours"] as const;
const LEFT = "no more sequences left in the one time sequences file for door once --> disabling the door";
// The command shows the file as it is while it runs.
const CONFIG = `
[once]
  one_time_sequences = @dir@/sequences
  tcpflags           = syn
  command            = (echo %IP%; cat @dir@/sequences; echo) >>$KNOCK_LOG
[other]
  sequence           = 7500
  command            = echo other >>$KNOCK_LOG
`;

describe("one-time sequences", { skip: needsRoot }, () => {
  let wire: Wire;
  let sequence = 0;

  before(async () => {
    wire = await Wire.open();
  });
  after(() => wire?.close());

  const start = (which: Which, sequences: string, config = CONFIG) =>
    Daemon.start(wire, which, config, undefined, { files: { sequences } });
  const file = (daemon: Daemon) => readFileSync(join(daemon.dir, "sequences"), "utf8");

  const segment = (port: number, from: string, seq = ++sequence) =>
    frame({ from, to: from.includes(":") ? wire.server6 : wire.server, protocol: "tcp", port, seq });

  async function knock(ports: number[], from = wire.client): Promise<void> {
    await wire.send(ports.map((port, i) => ({ at: i * 0.05, frame: segment(port, from) })));
  }

  /** When this door has opened, everything before it has been decided. */
  async function settled(daemon: Daemon): Promise<void> {
    const count = () => daemon.commands().filter((line) => line === "other").length;
    const before = count();
    await knock([7500], "10.77.0.99");
    await daemon.waitFor(() => count() > before);
  }

  const files: [what: string, sequences: string, after: [string, string, string]][] = [
    [
      "lines that begin with a blank, which the # replaces",
      " 7000,7001\n\t7002,7003\n 7004,7005\n",
      [
        "#7000,7001\n\t7002,7003\n 7004,7005\n",
        "#7000,7001\n#7002,7003\n 7004,7005\n",
        "#7000,7001\n#7002,7003\n#7004,7005\n",
      ],
    ],
    [
      "lines that begin with a digit, which is kept",
      "# mine\n\n7000,7001\n#7100\n7002,7003\n7004,7005",
      [
        "# mine\n\n#7000,7001\n#7100\n7002,7003\n7004,7005",
        "# mine\n\n#7000,7001\n#7100\n#7002,7003\n7004,7005",
        "# mine\n\n#7000,7001\n#7100\n#7002,7003\n#7004,7005",
      ],
    ],
  ];
  for (const [what, sequences, after] of files) {
    it(`are used in order by any client, and marked as used before the command runs: ${what}`, async () => {
      const daemon = await start("ours", sequences);
      await knock([7002, 7003, 7004, 7005]); // not their turn
      const expected: string[] = [];
      for (const [i, from] of [wire.client, wire.client6, "10.77.0.3"].entries()) {
        if (i === 1) await knock([7000, 7001]); // used
        await knock([7000 + 2 * i, 7001 + 2 * i], from);
        expected.push(from, ...after[i]!.split("\n"));
        await daemon.waitFor(() => daemon.commands().length >= expected.length); // the command shows what is crossed out
      }
      await settled(daemon);
      assert.deepEqual(daemon.commands(), [...expected, "other"]);
      assert.equal(file(daemon), after[2]);
      await daemon.stop();
    });
  }

  it("in 0.8 lose the first digit of a line without a blank; with a blank, both mark them the same way", async () => {
    for (const [sequences, struck] of [
      ["7000,7001\n7002\n", "#000,7001\n7002\n"],
      [" 7000,7001\n 7002\n", "#7000,7001\n 7002\n"],
    ] as const) {
      const judge = await start("judge", sequences);
      await knock([7000, 7001]);
      await judge.waitFor(() => judge.commands().length > 0);
      assert.equal(file(judge), struck);
      await judge.stop();
    }
  });

  it("disable only their own door when they are used up; 0.8 aborts, and all doors are gone", async () => {
    const [judge, ours] = await Promise.all(BOTH.map((which) => start(which, " 7000,7001\n")));
    await knock([7000, 7001]);
    assert.deepEqual(await judge!.exited, { status: null, signal: "SIGABRT" });
    await ours!.waitFor(() => ours!.commands().length === 3);
    await knock([7000, 7001]);
    await settled(ours!);
    assert.deepEqual(ours!.commands(), ["10.77.0.2", "#7000,7001", "", "other"]);
    assert.deepEqual(ours!.lines().slice(0, 5), [
      "10.77.0.2: once: Stage 1",
      "10.77.0.2: once: Stage 2",
      "10.77.0.2: once: OPEN SESAME",
      LEFT,
      "once: running command: (echo 10.77.0.2; cat @dir@/sequences; echo) >>$KNOCK_LOG".replace("@dir@", ours!.dir),
    ]);
    assert.deepEqual(await ours!.stop(), { status: 15, signal: null });
    await judge!.stop();
  });

  it("are refused at the start if none is left, also by 0.8", async () => {
    for (const which of BOTH) await assert.rejects(start(which, "#7000,7001\n"), new RegExp(`status":1[^]*${LEFT}`));
  });

  it("are not used up by a retransmission of the last SYN, although the next one begins with that knock", async () => {
    const daemon = await start("ours", "7000,7001\n7001\n7001,7000\n");
    // A different source port, as each connection has: segments that share one count as hand-made.
    const ends = { from: wire.client, to: wire.server, protocol: "tcp", port: 7001 } as const;
    const last = frame({ ...ends, sourcePort: 40_001, seq: ++sequence });
    await knock([7000]);
    await wire.send([0, 0.05, 0.1].map((at) => ({ at, frame: last })));
    await settled(daemon);
    assert.equal(file(daemon), "#7000,7001\n7001\n7001,7000\n");
    await knock([7001]);
    await settled(daemon);
    assert.equal(file(daemon), "#7000,7001\n#7001\n7001,7000\n");
    await daemon.stop();
  });

  it("cannot be completed by a client that began before another one used them, also in 0.8", async () => {
    for (const which of BOTH) {
      const daemon = await start(which, " 7000,7001\n 7000,7002\n");
      await knock([7000], "10.77.0.3");
      await knock([7000, 7001], "10.77.0.4");
      await knock([7001], "10.77.0.3");
      await daemon.waitFor(() => daemon.commands().length === 4); // one command at a time, for their order
      await settled(daemon);
      assert.deepEqual(daemon.commands(), ["10.77.0.4", "#7000,7001", " 7000,7002", "", "other"]);
      await daemon.stop();
    }
  });

  it("that cannot be marked as used admit one client and then no other: the door is disabled, and that is logged", async () => {
    const daemon = await start("ours", "7000,7001\n7002,7003\n");
    rmSync(join(daemon.dir, "sequences"));
    await knock([7000, 7001]);
    await knock([7000, 7001]);
    await knock([7002, 7003]);
    await daemon.waitFor(() => daemon.commands().length === 2);
    await settled(daemon);
    assert.deepEqual(daemon.commands(), ["10.77.0.2", "", "other"]);
    const why = `${daemon.dir}/sequences: No such file or directory`;
    const told = `once: could not mark the one time sequence as used --> disabling the door: ${why}\n`;
    assert.ok(daemon.stderr.startsWith(told), daemon.stderr);
    await daemon.stop();
  });

  it("are read again at SIGHUP, and one that is used meanwhile does not count again", async () => {
    // The names in a config are resolved while knocks go on. With a name server that never answers, that takes seconds.
    const etc = join("/etc/netns", wire.namespaces.server);
    mkdirSync(etc, { recursive: true });
    writeFileSync(join(etc, "resolv.conf"), "nameserver 10.77.0.66\noptions timeout:1 attempts:1\n");
    try {
      const slow = "[slow]\nsequence = 7600\ntarget = slow.example\n";
      const daemon = await start("ours", "7000,7001\n7002,7003\n7004,7005\n");
      writeFileSync(daemon.configPath, CONFIG.replaceAll("@dir@", daemon.dir) + slow);
      daemon.signal("SIGHUP");
      await daemon.waitFor("re-reading config file");
      await knock([7000, 7001]);
      await daemon.waitFor(() => daemon.commands().length > 0);
      assert.equal(daemon.stderr, "", "the name is still looked up");
      await daemon.waitFor(() => daemon.stderr.includes('target "slow.example" cannot be resolved'), 8000);
      await knock([7000, 7001]);
      await knock([7002, 7003], "10.77.0.3");
      await daemon.waitFor(() => daemon.commands().includes("10.77.0.3"));
      await settled(daemon);
      assert.deepEqual(
        daemon.commands().filter((line) => line.startsWith("10.")),
        ["10.77.0.2", "10.77.0.3"],
      );
      await daemon.stop();
    } finally {
      rmSync(etc, { recursive: true, force: true });
      removeIfEmpty("/etc/netns");
    }
  });
});

/** Another test's namespace may have its files there. */
function removeIfEmpty(directory: string): void {
  try {
    rmdirSync(directory);
  } catch {}
}
