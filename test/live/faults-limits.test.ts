// Tests what happens when there are no more descriptors or processes: a message says it, and work continues when there
// are.
import assert from "node:assert/strict";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { after, afterEach, before, describe, it } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { frame } from "../frame.ts";
import { Daemon, type StartOptions } from "./daemon.ts";
import { compiled, needsRoot, Wire } from "./wire.ts";

const ARGS = ["-i", "eth0", "-c", "@dir@/knockd.conf", "-v"];
const CONFIG = `
[options]
  StateFile = @dir@/ledger
  LogFile = @dir@/events
[soon]
  sequence = 7000:udp
  start_command = echo open soon >>$KNOCK_LOG
  cmd_timeout = 2
  stop_command = echo close soon >>$KNOCK_LOG
[plain]
  sequence = 7001:udp
  command = echo plain >>$KNOCK_LOG
[slow]
  sequence = 7002:udp,7003:udp,7004:udp
  command = echo slow >>$KNOCK_LOG
`;
/** An extra user, because root has no limit of processes. It has what it needs to listen and to read its files. */
const SOMEBODY = ["setpriv", "--reuid=61077", "--clear-groups"];
const CAPS = "+net_raw,+net_admin,+dac_override";
const BY_SOMEBODY = [...SOMEBODY, `--inh-caps=${CAPS}`, `--ambient-caps=${CAPS}`];

describe("knockd at a limit of the system", { skip: needsRoot }, () => {
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

  async function start(options: StartOptions = {}): Promise<Daemon> {
    const daemon = await Daemon.start(wire, "ours", CONFIG, ARGS, options);
    running.push(daemon);
    return daemon;
  }
  async function knock(port: number, to = wire.server): Promise<void> {
    const [from, sourcePort] = [port < 7002 ? wire.client : "10.77.0.3", 20_000 + ++sequence];
    await wire.send([{ at: 0, frame: frame({ from, to, protocol: "udp", port, sourcePort }) }]);
  }
  const has = (daemon: Daemon, text: string) => () => daemon.stderr.includes(text);
  /** Lowers the limit to this number, which is not enough. The returned function restores it. */
  async function limit(daemon: Daemon, what: "nofile" | "nproc", most: number): Promise<() => Promise<unknown>> {
    const name = what === "nofile" ? "open files" : "processes";
    const limits = readFileSync(`/proc/${daemon.pid}/limits`, "utf8");
    const [, soft, hard] = new RegExp(`^Max ${name} +(\\S+) +(\\S+)`, "m").exec(limits)!;
    const set = async (text: string) => {
      const by = what === "nproc" ? SOMEBODY : [];
      const { status, stderr } = await wire.run("server", [
        ...by,
        "prlimit",
        `--pid=${daemon.pid}`,
        `--${what}=${text}`,
      ]);
      assert.equal(status, 0, stderr);
    };
    await set(`${most}:${hard}`);
    return () => set(`${soft}:${hard}`);
  }

  for (const { what, most, options, words } of [
    { what: "nofile", most: 3, options: {}, words: "Too many open files" },
    { what: "nproc", most: 1, options: { by: BY_SOMEBODY }, words: "Resource temporarily unavailable" },
  ] as const) {
    it(`reports commands that it could not run (${what}), opens again as soon as it can, and closes what it opened`, async () => {
      const daemon = await start(options);
      await knock(7000);
      await knock(7002); // an attempt that continues
      await daemon.waitFor(() => daemon.commands().length === 1);
      const relieve = await limit(daemon, what, most);
      await daemon.waitFor(has(daemon, `soon: could not run command: ${words}\n`));
      await knock(7001);
      await daemon.waitFor(has(daemon, `plain: could not run command: ${words}\n`));
      await knock(7003);
      await daemon.waitFor("slow: Stage 2");
      assert.deepEqual(daemon.commands(), ["open soon"]);
      await relieve();
      await knock(7001);
      await daemon.waitFor(() => daemon.commands().includes("plain"));
      await knock(7004);
      await daemon.waitFor(() => daemon.commands().includes("slow"));
      await daemon.waitFor(() => daemon.commands().includes("close soon"), 15_000);
      await daemon.waitFor(() => !existsSync(join(daemon.dir, "ledger")));
      assert.deepEqual(daemon.commands().sort(), ["close soon", "open soon", "plain", "slow"]);
      assert.equal(daemon.ended, undefined);
    });
  }

  it("without a descriptor opens no door that it could not close, and leaves no entry in the ledger", async () => {
    const daemon = await start();
    const relieve = await limit(daemon, "nofile", 3);
    await knock(7000);
    await daemon.waitFor(has(daemon, "soon: could not run command: Too many open files\n"));
    await daemon.waitFor(
      has(
        daemon,
        `cannot write ${daemon.dir}/ledger: Too many open files: doors still work, but a crash would leave them open\n`,
      ),
    );
    await relieve();
    await knock(7000);
    await daemon.waitFor(() => daemon.commands().includes("close soon"));
    await daemon.waitFor(() => !existsSync(join(daemon.dir, "ledger")));
    assert.deepEqual(daemon.commands(), ["open soon", "close soon"]);
  });

  it("without a descriptor keeps its config at SIGHUP, and captures at a new address when it has one again", async () => {
    const daemon = await start();
    const relieve = await limit(daemon, "nofile", 3);
    daemon.signal("SIGHUP");
    await daemon.waitFor(
      has(daemon, `${daemon.configPath}: Too many open files\nthe old configuration stays in force\n`),
    );
    await wire.run("server", ["ip", "address", "add", "10.77.0.9/24", "dev", "eth0"]);
    const why = "cannot read the network interfaces: ";
    await daemon.waitFor(has(daemon, why));
    await sleep(2500); // it checks again every second
    assert.equal(daemon.stderr.split(why).length, 2, `told once: ${daemon.stderr}`);
    await relieve();
    const events = () => readFileSync(join(daemon.dir, "events"), "utf8"); // reopened automatically, too
    await daemon.waitFor(() => /eth0: listening at .*10\.77\.0\.9/.test(events()));
    await knock(7001, "10.77.0.9");
    await daemon.waitFor(() => daemon.commands().length === 1);
  });

  for (const unseen of ["pidfd_open", "epoll_ctl"]) {
    it(`closes what it opened even if the end of its commands cannot be seen (${unseen} fails)`, async () => {
      const library = compiled(
        "test/native/unseen-children.cc",
        "build/unseen-children.so",
        "-shared",
        "-fPIC",
        "-ldl",
      );
      const daemon = await start({ env: { LD_PRELOAD: library, UNSEEN: unseen } });
      await knock(7000);
      await daemon.waitFor(() => daemon.commands().includes("close soon"), 15_000);
      await daemon.waitFor(() => !existsSync(join(daemon.dir, "ledger")));
      assert.deepEqual([daemon.commands(), daemon.stderr], [["open soon", "close soon"], ""]);
    });
  }
});
