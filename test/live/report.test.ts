// Tests knockctl report on what a real kernel logs of real packets: iptables' LOG and nftables' log with the rules of
// docs/report.md, through a real journald, together with the lines of the real daemon.
import assert from "node:assert/strict";
import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { mkdirSync, readFileSync, utimesSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { gzipSync } from "node:zlib";
import type { Report } from "../../src/report/report.ts";
import { frame, type Segment } from "../frame.ts";
import { block } from "../markdown.ts";
import { until as isInTime } from "../time-limit.ts";
import { Daemon } from "./daemon.ts";
import { kernelLines, whileLogging } from "./kernel-log.ts";
import { inMountsOf } from "./mount-namespace.ts";
import { needsRoot, repo, Wire } from "./wire.ts";

/**
 * A journald that nobody sees but who enters its namespace of mounts: it reads the kernel's log, and writes below its own /run.
 * The folder that is its first argument is /var/log there.
 */
const JOURNALD = `
set -e
mount -t tmpfs private-run /run
mkdir -p /run/log/journal
mount --bind "$1" /var/log
printf '[Journal]\\nStorage=volatile\\nAudit=no\\nForwardToSyslog=no\\nForwardToKMsg=no\\nForwardToConsole=no\\nForwardToWall=no\\n' >/run/conf
mount --bind /run/conf /etc/systemd/journald.conf
exec /lib/systemd/systemd-journald
`;
const CONFIG =
  "[options]\n  LogFile = @dir@/json\n  LogFormat = json\n[ssh]\n  sequence = 7461,7462:udp\n  seq_timeout = 3\n  tcpflags = syn\n  command = true\n";
const KNOCKCTL = join(repo, "dist/src/knockctl.js");
/** journalctl's formats whose lines contain the time and the sender. */
const OUTPUTS = [
  ...["short", "short-precise", "short-iso", "short-iso-precise", "short-full", "short-monotonic", "short-unix"],
  ...["json", "json-sse", "json-seq", "export"],
];
/** Attempts, and lines that were left out. */
const adds = ({ attempts, linesLeftOut }: Report) => linesLeftOut.reduce((sum, { lines }) => sum + lines, attempts);
const SOURCES = ["10.77.0.2", "10.77.8.1", "10.77.8.2", "fd77::2", "fd77::8:1"];

describe("what the kernel logs", { skip: needsRoot }, () => {
  let wire: Wire;
  let journald: ChildProcess;
  let logs: string;

  before(async () => {
    wire = await Wire.open();
    for (const name of ["all", "eth0"])
      await wire.run("server", ["sysctl", "-qw", `net.ipv4.conf.${name}.rp_filter=0`]);
    logs = join(wire.dir, "log");
    mkdirSync(logs);
    journald = spawn("unshare", ["--mount", "--propagation", "private", "sh", "-c", JOURNALD, "sh", logs], {
      stdio: "ignore",
    });
    await until(() => inside("journalctl", "--quiet", "--lines=1").stdout !== "");
  });
  after(async () => {
    journald?.kill("SIGKILL");
    await wire?.close();
  });

  async function until(is: () => boolean): Promise<void> {
    assert.ok(await isInTime(is, 30_000, 100), "not in 30 seconds and more");
  }

  function inside(...argv: string[]) {
    const [program, ...args] = inMountsOf(journald.pid!, ...argv);
    return spawnSync(program!, args, {
      encoding: "utf8",
      maxBuffer: 64 << 20,
    });
  }

  const knockctl = (...args: string[]) => inside(process.execPath, join(repo, "dist/src/knockctl.js"), ...args);

  function report(...args: string[]): Report {
    const { status, stdout, stderr } = knockctl("report", "--json", ...args);
    assert.deepEqual([status, stderr], [0, ""]);
    return JSON.parse(stdout);
  }

  /** A packet that is logged is then dropped. */
  const rules = block("docs/report.md", "test/live/report.test.ts", "rules").split("\n");

  async function run(line: string): Promise<void> {
    const { status, stderr } = await wire.run("server", ["sh", "-c", line]);
    assert.equal(status, 0, `${line}: ${stderr}`);
  }

  const bySource = ({ top }: Report) => Object.fromEntries(top.map(({ address, attempts }) => [address, attempts]));

  for (const by of ["iptables", "nft"] as const) {
    it(`about packets that ${by} rejects is counted exactly once per packet`, async () => {
      const prefix = `${by} ${process.pid}: `;
      const rule = rules.find((line) => line.startsWith(by))!.replace("rejected: ", prefix);
      if (by === "iptables")
        for (const program of ["iptables", "ip6tables"]) await run(rule.replace("iptables", program));
      else
        await run(
          `nft add table inet filter; nft "add chain inet filter input { type filter hook input priority 0; }"; ${rule}`,
        );
      const to = (from: string) => (from.includes(":") ? wire.server6 : wire.server);
      const segment = (from: string, rest: Partial<Segment>) =>
        frame({ from, to: to(from), protocol: "tcp", port: 22, ...rest });
      const attempts = SOURCES.flatMap((from, i) =>
        Array.from({ length: i + 1 }, (_, n) =>
          segment(from, n === 1 ? { protocol: "udp", port: 5060 } : { port: 22 + n }),
        ),
      );
      const others = [
        segment(SOURCES[0]!, { flags: ["ack"] }),
        segment(SOURCES[1]!, { flags: ["rst", "ack"] }),
        frame(
          { from: SOURCES[0]!, to: wire.server, protocol: "udp", port: 53 },
          { fragment: { offset: 100, more: false } },
        ),
      ];
      await whileLogging(async () => {
        const frames = [...attempts, ...others].map((one, i) => ({ at: i / 100, frame: one }));
        await wire.send(frames);
        // The later fragment may wait in vain for its first one, and never reach the rule.
        await kernelLines(prefix, frames.length - 1);
      });
      await until(
        () => inside("journalctl", "--quiet").stdout.split(prefix).length - 1 >= attempts.length + others.length - 1,
      );
      // The kernel still has the lines of other tests.
      const mine = (...args: string[]) => report("--prefix", prefix.trim(), ...args);
      const now = mine();
      assert.deepEqual(bySource(now), {
        "10.77.0.2": 1,
        "10.77.8.1": 2,
        "10.77.8.2": 3,
        "fd77::2": 4,
        "fd77::8:1": 5,
      });
      // journald gives the kernel's lines the time at which it read them.
      assert.equal(mine("--since", "2 hours ago").attempts, now.attempts);
      assert.equal(mine("--until", "2 hours ago").attempts, 0);
      const printed = (shell: string) => {
        const { stdout } = inside(
          "sh",
          "-c",
          `${shell} | ${process.execPath} ${KNOCKCTL} report --json --prefix '${prefix.trim()}' -`,
        );
        return JSON.parse(stdout) as Report;
      };
      for (const output of by === "nft" ? [] : OUTPUTS) {
        const read = printed(`journalctl --quiet --output=${output} _TRANSPORT=kernel`);
        assert.deepEqual(bySource(read), bySource(now), output);
        assert.equal(adds(read), read.lines, output);
      }
      for (const output of by === "nft" ? [] : ["cat", "json-pretty", "verbose"]) {
        const { attempts, leftOut } = printed(`journalctl --quiet --output=${output} _TRANSPORT=kernel`);
        assert.equal(attempts, 0, output);
        assert.match(leftOut.join(" "), /look like packets have no time that the report can read/, output);
      }
      for (const options of ["", "-T", "-x", "-r", "-d", "-xT", "--time-format=iso"]) {
        assert.deepEqual(bySource(printed(`dmesg ${options}`)), bySource(now), `dmesg ${options}`);
      }
      if (by === "iptables") for (const program of ["iptables", "ip6tables"]) await run(`${program} --flush`);
    });
  }

  it("is shown beside what the daemon logs about knocks", async () => {
    const by = inMountsOf(journald.pid!, "systemd-cat", "--identifier=knockd");
    const daemon = await Daemon.start(wire, "ours", CONFIG, ["-i", "eth0", "-c", "@dir@/knockd.conf", "-v"], {
      by,
      ready: "",
    });
    await until(() => knockctl("self-test", "-c", daemon.configPath).status === 0);
    const knock = (from: string, port: number, protocol: "tcp" | "udp") =>
      frame({ from, to: wire.server, protocol, port });
    await wire.send([
      { at: 0, frame: knock("10.77.0.2", 7461, "tcp") },
      { at: 0.1, frame: knock("10.77.8.1", 7461, "tcp") },
      { at: 0.2, frame: knock("10.77.0.2", 7462, "udp") },
    ]);
    await until(() => inside("journalctl", "--quiet").stdout.includes("sequence timeout"));
    for (const { doors } of [report(), report(join(daemon.dir, "json"))]) {
      assert.deepEqual(doors, [{ door: "ssh", begun: 2, opened: 1, failed: 1 }]);
    }
    await daemon.stop();
  });

  it("and syslogd wrote over New Year, to files partly rotated and compressed, is counted once and in the right year", () => {
    const packets = readFileSync(join(repo, "test/report/real.log"), "utf8")
      .split("\n")
      .filter((line) => line.includes(" SYN "));
    const traditional = (stamp: string, line: string) => `${stamp} ${line.slice(line.indexOf(" ") + 1)}\n`;
    const put = (name: string, text: string, written: Date) => {
      writeFileSync(join(logs, name), name.endsWith(".gz") ? gzipSync(text) : text);
      utimesSync(join(logs, name), written, written);
    };
    const year = new Date().getFullYear();
    const [old, over] = [packets.slice(0, 30), packets.slice(30, 100)];
    put("kern.log.2.gz", old.map((line) => traditional("Dec 30 12:00:00", line)).join(""), new Date(year - 1, 11, 31));
    const newYear = over.map((line, i) => traditional(i < 20 ? "Dec 31 23:59:59" : "Jan  1 00:00:00", line)).join("");
    put("kern.log.1", newYear, new Date(year, 0, 2));
    put("kern.log", "", new Date());
    // Debian's rsyslog.conf puts the kernel's lines here, too.
    const knocks = ["Stage 1", "OPEN SESAME"].map((what) => `Jan  1 00:00:01 door knockd: 192.0.2.1: ssh: ${what}\n`);
    put("syslog", newYear + knocks.join(""), new Date(year, 0, 2));
    const { attempts, days, doors, leftOut } = report("--from", "files");
    assert.equal(attempts, 100);
    const day = (y: number, month: number, date: number) => new Date(y, month, date).getTime() / 1000;
    assert.deepEqual(days, [
      { at: day(year - 1, 11, 30), attempts: 30 },
      { at: day(year - 1, 11, 31), attempts: 20 },
      { at: day(year, 0, 1), attempts: 50 },
    ]);
    assert.deepEqual([doors, leftOut], [[{ door: "ssh", begun: 1, opened: 1, failed: 0 }], []]);
    assert.equal(report("--from", "files", "--since", `${year}-01-01`).attempts, 50);
  });
});
