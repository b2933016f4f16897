// Tests -l with the running daemon, and with name servers that answer or don't. Compared with 0.8, which waits for
// them.
import assert from "node:assert/strict";
import { mkdirSync, rmdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { frame } from "../frame.ts";
import { bound } from "../time-limit.ts";
import { Daemon, type Which } from "./daemon.ts";
import { needsRoot, Wire } from "./wire.ts";

const BOTH = ["judge", "ours"] as const;
const NAMELESS = "10.77.0.9";
const DEAD_SERVER = "10.77.0.66";

describe("names of clients, with -l", { skip: needsRoot }, () => {
  let wire: Wire;
  let etc: string;
  let sequence = 0;

  before(async () => {
    wire = await Wire.open();
    // `ip netns exec` mounts these over the ones in /etc.
    etc = join("/etc/netns", wire.namespaces.server);
    mkdirSync(etc, { recursive: true });
    writeFileSync(join(etc, "hosts"), `${wire.client} host.example alias\n${wire.client6} six.example\n`);
    // A name server that never answers. It is a third host: the client receives its packets, but is not it.
    const dead = ["ip", "neigh", "add", DEAD_SERVER, "lladdr", wire.clientMac, "dev", "eth0", "nud", "permanent"];
    assert.equal((await wire.run("server", dead)).status, 0);
  });
  after(async () => {
    await wire?.close();
    rmSync(etc, { recursive: true, force: true });
    try {
      rmdirSync("/etc/netns");
    } catch {} // others have theirs there
  });

  function start(which: Which, config: string, nameServer: string, ...more: string[]): Promise<Daemon> {
    writeFileSync(join(etc, "resolv.conf"), `nameserver ${nameServer}\n`);
    const args = ["-i", "eth0", "-c", "@dir@/knockd.conf", "-g", "@dir@/events", "-v", "-l"];
    return Daemon.start(wire, which, config, [...args, ...more]);
  }

  async function knock(ports: number[], from: string): Promise<void> {
    const to = from.includes(":") ? wire.server6 : wire.server;
    await wire.send(
      ports.map((port, i) => ({ at: i * 0.05, frame: frame({ from, to, protocol: "tcp", port, seq: ++sequence }) })),
    );
  }

  it("follow the address in every line, as in 0.8", async () => {
    const config = `
      [door]
      sequence     = 7000,7001
      command      = echo %IP% >>$KNOCK_LOG; exit 3
      cmd_timeout  = 0
      stop_command = true
      [slow]
      sequence     = 7002,7003
      seq_timeout  = 1
    `;
    const daemons = await Promise.all(BOTH.map((which) => start(which, config, "127.0.0.1")));
    for (const from of [wire.client, wire.client6, NAMELESS]) {
      await knock([7000, 7001], from);
      for (const daemon of daemons) {
        await daemon.waitFor(() => daemon.commands().at(-1) === from);
        await daemon.waitFor(() => daemon.stdout.split("running command: true").length > daemon.commands().length);
      }
    }
    await knock([7002], wire.client);
    await daemons[1]!.waitFor("sequence timeout");
    await knock([7003], NAMELESS); // 0.8 reports a timeout only when another knock arrives
    await daemons[0]!.waitFor("sequence timeout");
    const lines = ([ip, who]: [string, string]) => [
      `${who}: door: Stage 1`,
      `${who}: door: Stage 2`,
      `${who}: door: OPEN SESAME`,
      `door: running command: echo ${ip} >>$KNOCK_LOG; exit 3`,
      `${who}: door: command timeout`,
      "door: running command: true",
    ];
    const knockers: [string, string][] = [
      [wire.client, `${wire.client} (host.example)`],
      [wire.client6, `${wire.client6} (six.example)`],
      [NAMELESS, NAMELESS],
    ];
    const [, who] = knockers[0]!;
    const last = [`${who}: slow: Stage 1`, `${who}: slow: sequence timeout (stage 1)`];
    for (const daemon of daemons) {
      await daemon.stop();
      assert.deepEqual(daemon.lines().slice(0, 20), [...knockers.flatMap(lines), ...last], daemon.which);
    }
  });

  it("delay nothing if the name server is unreachable: no command and no other client's lines; 0.8 captures nothing meanwhile", async () => {
    // The command shows the lines that were logged before it ran.
    const config =
      "[door]\nsequence = 7000,7001\ncommand = (sed '/easily/d;s/^.\\{19\\}//' @dir@/events; echo open %IP%) >>$KNOCK_LOG\n";
    const [judge, ours] = await Promise.all(BOTH.map((which) => start(which, config, DEAD_SERVER)));
    await knock([7000, 7001], NAMELESS);
    await knock([7000], wire.client);
    const nameless = ["Stage 1", "Stage 2", "OPEN SESAME"].map((text) => `${NAMELESS}: door: ${text}`);
    await ours!.waitFor("running command");
    await ours!.waitFor(() => ours!.commands().includes(`open ${NAMELESS}`));
    // On a busy machine, the other daemon's line may come before the command looks.
    const shown = ours!.commands().filter((line) => !line.includes("host.example"));
    assert.deepEqual(shown, ["starting up, listening on eth0", `open ${NAMELESS}`]);
    assert.deepEqual(ours!.lines().slice(0, 4), [`${wire.client} (host.example): door: Stage 1`, ...nameless]);
    assert.deepEqual([judge!.lines(), judge!.commands()], [[], []]);
    await Promise.all([judge!.stop("SIGKILL"), ours!.stop()]);
  });

  /** Twelve clients whose names the daemon is still looking up, some of them not for long, when it is asked to end. */
  async function ending(): Promise<Daemon> {
    const daemon = await start("ours", "[door]\nsequence = 7000,7001\n", DEAD_SERVER, "-D");
    for (let i = 100; i < 112; i++) await knock([7000], `10.77.0.${i}`);
    await daemon.waitFor("tcp: 10.77.0.111:"); // with -D: seen
    daemon.signal("SIGTERM");
    return daemon;
  }

  it("are not waited for when the daemon ends: all lines are logged first, with addresses only", async () => {
    const daemon = await ending();
    await daemon.waitFor("closing...\n");
    const lines = daemon.lines().filter((line) => /Stage|closing/.test(line));
    const knockers = Array.from({ length: 12 }, (_, i) => `10.77.0.${100 + i}: door: Stage 1`);
    assert.deepEqual(lines.sort(), [...knockers, "closing..."].sort());
    assert.equal(daemon.lines().at(-1), "closing...");
    await daemon.stop("SIGKILL");
  });

  it("do not delay the end of the process if the name server is unreachable", async () => {
    const daemon = await ending();
    const begun = Date.now();
    assert.deepEqual(await daemon.exited, { status: 15, signal: null });
    const seconds = (Date.now() - begun) / 1000;
    assert.ok(seconds < bound(4000) / 1000, `${seconds} s`);
    await daemon.stop();
  });
});
