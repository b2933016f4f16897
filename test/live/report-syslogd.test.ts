// Tests knockctl report on the logs of real syslogds: with a real kernel's lines, and with lines in which a user
// imitates the kernel.
import assert from "node:assert/strict";
import { type ChildProcess, execFileSync, spawn, spawnSync } from "node:child_process";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import type { Report } from "../../src/report/report.ts";
import { frame } from "../frame.ts";
import { kernelLines, logRejected, whileLogging } from "./kernel-log.ts";
import { needsRoot, repo, Wire } from "./wire.ts";

const PREFIX = `rejected-${process.pid}: `;
const SOURCES: readonly string[] = ["10.77.0.2", "10.77.8.1", "fd77::2"];
const PACKETS = 9;
const LAST = "all is written";
/** A line as the kernel writes it, of a packet that was never sent. */
const FORGED = `${PREFIX}IN=eth0 OUT= MAC= SRC=8.8.8.8 DST=10.77.0.1 LEN=40 TOS=0x00 PREC=0x00 TTL=64 ID=1 PROTO=TCP SPT=1 DPT=22 WINDOW=1 RES=0x00 SYN URGP=0 `;

/** rsyslog's files, one per template. Does a line show its sender by more than the program's name? */
const TEMPLATES: readonly { readonly name: string; readonly template: string; readonly tells: boolean }[] = [
  { name: "traditional", template: "%TIMESTAMP% %HOSTNAME% %syslogtag%%msg%", tells: false },
  { name: "iso", template: "%TIMESTAMP:::date-rfc3339% %HOSTNAME% %syslogtag%%msg%", tells: false },
  { name: "no-host", template: "%TIMESTAMP% %syslogtag%%msg%", tells: false },
  { name: "priority-number", template: "<%PRI%>%TIMESTAMP% %HOSTNAME% %syslogtag%%msg%", tells: true },
  { name: "priority-iso", template: "<%PRI%>%TIMESTAMP:::date-rfc3339% %HOSTNAME% %syslogtag%%msg%", tells: true },
  {
    name: "priority-words",
    template: "%TIMESTAMP% %HOSTNAME% %syslogfacility-text%.%syslogseverity-text% %syslogtag%%msg%",
    tells: true,
  },
  {
    name: "rfc5424",
    template: "<%PRI%>1 %TIMESTAMP:::date-rfc3339% %HOSTNAME% %APP-NAME% %PROCID% %MSGID% %STRUCTURED-DATA% %msg%",
    tells: true,
  },
];

/**
 * busybox's syslogd with a /dev of its own. Its first argument is its file, the second has the kernel's lines, others are options.
 * klogd is not asked to fetch those: it would take what this machine's own syslogd waits for. What it does with them, by syslog(3),
 * busybox's logger does as well.
 */
const BUSYBOX = `
set -e
file=$1 raw=$2; shift 2
mount -t tmpfs private-dev /dev
mknod /dev/null c 1 3
busybox syslogd -n -O "$file" "$@" &
for try in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20; do [ -S /dev/log ] && break; sleep 0.5; done
while read -r line; do busybox logger -p kern.warn -t kernel "$line"; done <"$raw"
busybox logger -t kernel "$FORGED"
busybox logger -p daemon.warn -t kernel "$FORGED"
busybox logger -t some "$LAST"
wait
`;

describe("what real syslogds write about packets that the kernel logs:", { skip: needsRoot }, () => {
  let wire: Wire;
  /** The kernel's lines about them, with its clock, as a syslogd gets them. */
  let raw: string[];

  before(async () => {
    wire = await Wire.open();
    for (const name of ["all", "eth0"])
      await wire.run("server", ["sysctl", "-qw", `net.ipv4.conf.${name}.rp_filter=0`]);
    await whileLogging(async () => {
      await logRejected(wire, "iptables", PREFIX);
      const frames = Array.from({ length: PACKETS }, (_, i) => {
        const from = SOURCES[i % SOURCES.length]!;
        const to = from.includes(":") ? wire.server6 : wire.server;
        return { at: i / 100, frame: frame({ from, to, protocol: "tcp", port: 20 + i }) };
      });
      await wire.send(frames);
      await kernelLines(PREFIX, PACKETS);
    });
    raw = execFileSync("dmesg", ["--raw"], { encoding: "latin1", maxBuffer: 64 << 20 })
      .split("\n")
      .filter((line) => line.includes(PREFIX));
  });
  after(() => wire?.close());

  async function until(is: () => boolean, what: () => string): Promise<void> {
    for (const end = Date.now() + 60_000; !is(); await sleep(50)) assert.ok(Date.now() < end, what());
  }

  function report(path: string, ...args: string[]): Report {
    const argv = [join(repo, "dist/src/knockctl.js"), "report", "--json", path, ...args];
    const { status, stdout, stderr } = spawnSync(process.execPath, argv, { encoding: "utf8" });
    assert.deepEqual([status, stderr], [0, ""], path);
    const made: Report = JSON.parse(stdout);
    const left = made.linesLeftOut.reduce((sum, { lines }) => sum + lines, 0);
    assert.equal(made.attempts + left, made.lines, path);
    return made;
  }

  const textOf = (path: string) => (existsSync(path) ? readFileSync(path, "latin1") : "");
  const sourcesOf = ({ top }: Report) => top.map(({ address }) => address).sort();

  async function end(child: ChildProcess): Promise<void> {
    if (child.exitCode !== null || child.signalCode !== null) return;
    const ended = new Promise((resolve) => child.once("exit", resolve));
    process.kill(-child.pid!, "SIGTERM"); // the group that the test started
    await ended;
  }

  it("rsyslog: is counted in each of its formats, without lines of users where the format shows them", async () => {
    const file = (name: string) => join(wire.dir, `${name}.log`);
    const [kmsg, socket, config] = [join(wire.dir, "kmsg"), join(wire.dir, "socket"), join(wire.dir, "rsyslog.conf")];
    const rules = TEMPLATES.map(
      ({ name, template }) => `
template(name="${name}" type="string" string="${template.replace("%msg%", "%msg:::sp-if-no-1st-sp%%msg:::drop-last-lf%")}\\n")
action(type="omfile" file="${file(name)}" template="${name}")`,
    );
    writeFileSync(
      config,
      `module(load="imuxsock" SysSock.Use="off")
module(load="imklog" LogPath="${kmsg}")
input(type="imuxsock" Socket="${socket}")
${rules.join("\n")}\n`,
    );
    execFileSync("mkfifo", [kmsg]);
    const argv = ["-n", "-f", config, "-i", join(wire.dir, "rsyslog.pid")];
    const rsyslogd = spawn("rsyslogd", argv, { stdio: "ignore", detached: true });
    // The pipe stays open: imklog would treat its end as an error, and go on reading in vain.
    const kernel = spawn("sh", ["-c", 'exec >"$1"; cat; sleep 600', "sh", kmsg], {
      stdio: ["pipe", "ignore", "ignore"],
      detached: true,
    });
    try {
      await until(
        () => existsSync(socket),
        () => "no socket of rsyslog's",
      );
      kernel.stdin!.end(raw.map((line) => `${line}\n`).join(""));
      const say = (...args: string[]) => execFileSync("logger", ["--socket", socket, ...args]);
      const logged = () => textOf(file("rfc5424"));
      await until(() => logged().split(PREFIX).length > PACKETS, logged);
      for (const args of [
        ["-t", "kernel"],
        ["-p", "kern.warn", "-t", "kernel"],
        ["-t", "kernel[0]"],
        ["-t", "some"],
      ])
        say(...args, FORGED);
      say("-t", "sshd", "--id=12", `Invalid user kernel: ${FORGED}`);
      say("-t", "some", LAST);
      await until(() => TEMPLATES.every(({ name }) => textOf(file(name)).includes(LAST)), logged);
    } finally {
      await end(rsyslogd);
      await end(kernel);
    }
    for (const { name, tells } of TEMPLATES) {
      const all = report(file(name));
      assert.equal(all.lines, raw.length + 6, name);
      const real = { ...all, top: all.top.filter(({ address }) => address !== "8.8.8.8") };
      assert.deepEqual(sourcesOf(real), SOURCES, name);
      assert.equal(
        real.top.reduce((sum, { attempts }) => sum + attempts, 0),
        PACKETS,
        name,
      );
      // If only the program's name shows the sender, a user who takes the kernel's name is believed. Otherwise never.
      assert.equal(all.attempts - PACKETS, tells ? 0 : 3, name);
      assert.match(all.leftOut.join(" "), /1 line from some looks like a packet: add `--tag some`/, name);
      if (tells) assert.match(all.leftOut.join(" "), /3 lines from kernel look like packets: add `--tag kernel`/, name);
      assert.equal(report(file(name), "--tag", "some").attempts, all.attempts + 1, name);
    }
  });

  for (const [what, flags, tells] of [
    ["with host and priority", [], true],
    ["without them (-S)", ["-S"], false],
  ] as const) {
    it(`busybox: is counted ${what}`, async () => {
      const path = join(wire.dir, `busybox${flags.join("")}.log`);
      const kernels = join(wire.dir, "kernels");
      writeFileSync(kernels, raw.map((line) => `${line.replace(/^<\d+>/, "")}\n`).join(""));
      const argv = ["--mount", "--propagation", "private", "sh", "-c", BUSYBOX, "sh", path, kernels, ...flags];
      const env = { ...process.env, FORGED, LAST };
      const busybox = spawn("unshare", argv, { stdio: "ignore", detached: true, env });
      try {
        await until(
          () => textOf(path).includes(LAST),
          () => textOf(path),
        );
      } finally {
        await end(busybox);
      }
      const made = report(path);
      const real = { ...made, top: made.top.filter(({ address }) => address !== "8.8.8.8") };
      assert.deepEqual(sourcesOf(real), SOURCES);
      assert.equal(made.attempts, PACKETS + (tells ? 0 : 2));
      if (tells) assert.match(made.leftOut.join(" "), /2 lines from kernel look like packets/);
    });
  }

  it("ulogd: is named, and counted with --tag", async () => {
    const [config, file] = [join(wire.dir, "ulogd.conf"), join(wire.dir, "ulogd.log")];
    writeFileSync(
      config,
      `[global]\nloglevel=3\nlogfile="${join(wire.dir, "ulogd.own")}"
stack=l1:NFLOG,b1:BASE,i1:IFINDEX,p1:IP2STR,r1:PRINTPKT,e1:LOGEMU\n[l1]\ngroup=1\n[e1]\nfile="${file}"\nsync=1\n`,
    );
    for (const program of ["iptables", "ip6tables"])
      await wire.run("server", [
        program,
        "-I",
        "INPUT",
        "-p",
        "tcp",
        "-j",
        "NFLOG",
        "--nflog-group",
        "1",
        "--nflog-prefix",
        "rejected:",
      ]);
    const argv = ["ip", "netns", "exec", wire.namespaces.server, "ulogd", "-c", config];
    const ulogd = spawn(argv[0]!, argv.slice(1), { stdio: "ignore", detached: true });
    try {
      await until(
        () => textOf(join(wire.dir, "ulogd.own")).includes("entering main loop"),
        () => textOf(join(wire.dir, "ulogd.own")),
      );
      const to = (from: string) => (from.includes(":") ? wire.server6 : wire.server);
      await wire.send(
        SOURCES.map((from, i) => ({ at: i / 100, frame: frame({ from, to: to(from), protocol: "tcp", port: 22 }) })),
      );
      await until(
        () => SOURCES.every((from) => textOf(file).includes(` SRC=${from} `)),
        () => textOf(file),
      );
    } finally {
      await end(ulogd);
    }
    const { attempts, leftOut } = report(file);
    assert.equal(attempts, 0);
    assert.match(leftOut[0]!, /^\d+ lines from rejected look like packets: add `--tag rejected` if/);
    assert.deepEqual(sourcesOf(report(file, "--tag", "rejected")), SOURCES);
  });
});
