// knockctl init with the real iptables and nft, the real daemon and real knocks, on a host without systemd: nobody is locked
// out, whatever dies, fills up or comes too late. With systemd: test/boot/init.test.ts.
import assert from "node:assert/strict";
import { existsSync, mkdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, it } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { Host, Session, until } from "./host.ts";
import { needsRoot, type Result, repo } from "./wire.ts";

const OWN = `# mine, and a byte that is no UTF-8: \xe9
[options]
	UseSyslog
	Interface = eth0

[web]
	sequence = 5151,1313,6262
	command  = /bin/true
`;
/** This host's iptables is the older one. */
const LEGACY = "mount --bind /usr/sbin/xtables-legacy-multi /usr/sbin/xtables-nft-multi";
const BEFORE = ["-A INPUT -p tcp --dport 22 -j ACCEPT", "-A INPUT -p udp --dport 7 -j DROP"];
/** In the tests that wait for the rollback. */
const SOON = ["--minutes", "0.05"];

describe("knockctl init", { skip: needsRoot }, () => {
  let host: Host;
  let config: string;
  beforeEach(async () => {
    host = await Host.open();
    config = join(host.wire.dir, "etc", "knockd.conf");
    mkdirSync(join(host.wire.dir, "etc"));
  });
  afterEach(() => host?.close());

  const init = (...words: string[]) => host.knockctl("init", "-c", config, "--interface", "eth0", ...words);
  const rules = () => host.ok("iptables -S; ip6tables -S");
  const ruleset = () => host.ok("nft list ruleset");
  /** The rollback is armed, or its process waits on: both end by themselves. */
  const isUnderWay = async () => (await host.run("test", "-e", "/run/knockd-init/id")).status === 0;
  const rolledBack = () => until(async () => !(await isUnderWay()), "rollback");
  const conf = () => readFileSync(config, "latin1");
  const sequenceOf = (text: string) => /sequence\s+= (\S+)\n\tseq_timeout {5}= 15/.exec(text)![1]!.split(",");

  async function begun(...words: string[]): Promise<Result> {
    const result = await init("--yes", ...words);
    assert.equal(result.status, 0, result.stderr);
    return result;
  }

  /** Starts the daemon as init says; its sequence. */
  async function daemon(said: string): Promise<string[]> {
    const command = /^Start knockd: (.+)$/m.exec(said)![1]!;
    await host.ok(`${command}`);
    return sequenceOf(await host.ok("cat /run/knockd-init/knockd.conf"));
  }

  async function opensTo(sequence: readonly string[], to = host.wire.server): Promise<void> {
    assert.equal(await host.isOpen(to), false, "closed before the knock");
    await host.knock(to, ...sequence);
    await until(() => host.isOpen(to), "open door");
  }

  for (const tables of ["iptables", "iptables-legacy", "nft"]) {
    const kind = tables === "nft" ? "nft" : "iptables";
    const use = () => host.ok(tables === "iptables-legacy" ? LEGACY : ":");

    it(`${tables}: closes the port, keeps sessions, opens to the knock, over IPv4 and IPv6, and stays when confirmed`, async () => {
      await use();
      const session = await Session.open(host.wire); // before the kernel follows any connection
      const { stdout } = await begun("--firewall", kind, ...(kind === "nft" ? ["--mixed"] : []));
      if (kind === "iptables") {
        assert.equal(await host.ok("iptables -S"), RULES);
        assert.equal(await host.ok("ip6tables -S"), RULES.replace("icmp-", "icmp6-"));
      } else {
        assert.match(await ruleset(), /table inet knockd \{/);
        assert.equal(await host.ok("iptables-save"), "");
      }
      assert.equal(existsSync(config), false, "nothing on the disk yet");
      await session.answers("first");
      assert.equal(await host.isOpen(), false);
      assert.match(
        (await host.run("python3", "-c", "import socket; socket.create_connection(('127.0.0.1', 22), 9)")).stderr,
        /^$/,
      );

      const early = await host.knockctl("init", "--confirm");
      assert.deepEqual([early.status, early.stdout], [1, ""]);
      assert.match(
        early.stderr,
        /^knockctl: not confirmed: door openSSH has not opened since this began: nobody has knocked/,
      );

      const sequence = await daemon(stdout);
      assert.match(stdout, new RegExp(`^ {4}knock -d 200 10.77.0.1 ${sequence.join(" ")}$`, "m"));
      await opensTo(sequence);
      await opensTo(sequence, host.wire.server6);
      const late = await Session.open(host.wire);
      const { status, stderr } = await host.knockctl("init", "--confirm");
      assert.equal(status, 0, stderr);
      assert.deepEqual(sequenceOf(conf()), sequence);
      assert.doesNotMatch(conf(), /knockd-init/, "nothing of the trial");
      assert.equal(statSync(config).mode & 0o777, 0o640);
      await host.ok("sh /run/knockd-init/rollback 'it comes too late'");
      const again = await host.knockctl("init", "--confirm");
      assert.deepEqual([again.status, again.stdout], [0, "It is confirmed.\n"]);
      if (kind === "iptables") assert.match(await host.ok("iptables -S"), /-j KNOCKD_GUARD/);
      else assert.match(await ruleset(), /elements = \{ 22 \}/);
      await session.answers("second");
      await late.answers("third");
    });

    it(`${tables}: rolls back when nobody confirms, and what others have is as it was`, async () => {
      await use();
      if (kind === "iptables") for (const rule of BEFORE) await host.ok(`iptables ${rule} && ip6tables ${rule}`);
      else
        await host.ok(
          "nft add table inet filter && nft add chain inet filter input '{ type filter hook input priority 0; }'",
        );
      writeFileSync(config, OWN, "latin1");
      const look = async () => `${await rules()}${await ruleset()}`;
      const [before, text] = [await look(), conf()];
      await begun(...SOON);
      await rolledBack();
      assert.equal(await look(), before);
      assert.equal(await host.isOpen(), true);
      assert.equal(conf(), text);
      const late = await host.knockctl("init", "--confirm");
      assert.equal(late.status, 1);
      assert.equal(late.stderr, "knockctl: rolled back: nobody confirmed within 0.05 minutes\n");
    });
  }

  it("rolls back though the door has opened, when nobody confirms; the daemon of the trial ends, and its rule goes", async () => {
    const tables = await rules();
    const { stdout } = await begun("--minutes", "0.5", "--timeout", "3600");
    await opensTo(await daemon(stdout));
    await rolledBack();
    assert.equal(await rules(), tables);
    assert.equal(existsSync(config), false);
    assert.equal((await host.run("ls", "/run/knockd-init")).status, 2);
  });

  it("opens to what it prints for knock, nc and curl", async () => {
    const { stdout } = await begun("--timeout", "1");
    await daemon(stdout);
    const lines = [...stdout.matchAll(/^ {4}(.+)$/gm)].map(([, line]) => line!);
    assert.deepEqual(
      lines.map((line) => /\b(knock|nc|curl)\b/.exec(line)?.[1]),
      ["knock", "nc", "curl"],
    );
    for (const line of lines) {
      await until(async () => !(await host.ok("iptables -S KNOCKD")).includes("-A KNOCKD"), "closed door");
      const command = line.replace(/^knock /, `${process.execPath} ${join(repo, "dist/src/knock.js")} `);
      await host.wire.run("client", ["sh", "-c", command], { timeoutMs: 30_000 });
      await until(
        async () => (await host.ok("cat /run/knockd-init/log")).split("OPEN SESAME").length === lines.indexOf(line) + 2,
        line,
      );
    }
  });

  it("rolls back at once with --rollback, which may be said again", async () => {
    const tables = await rules();
    await begun();
    assert.equal(await host.isOpen(), false);
    const { status, stdout } = await host.knockctl("init", "--rollback");
    assert.deepEqual([status, stdout], [0, "Rolled back: all is as it was.\n"]);
    assert.equal(await rules(), tables);
    assert.equal(await host.isOpen(), true);
    const again = await host.knockctl("init", "--rollback");
    assert.deepEqual([again.status, again.stdout], [0, "Nothing to roll back: rolled back: asked to.\n"]);
  });

  for (const moment of ["", "/firewall", "/rollback", "/armed", "/id", "a closed port"]) {
    it(`leaves nothing behind when it is killed at ${moment.replace(/^\/?$|^\//, "the file ") || moment}`, async () => {
      const tables = await rules();
      const argv = [process.execPath, join(repo, "dist/src/knockctl.js"), "init", "--yes", "-c", config, ...SOON];
      const child = host.wire.spawn("server", host.argv(...argv), { stdio: "ignore" });
      const ended = new Promise((resolve) => child.once("exit", resolve));
      const isClosed = async () => (await rules()) !== tables;
      const isNow = () =>
        moment === "a closed port" ? isClosed() : existsSync(host.path(`/run/knockd-init${moment}`));
      for (const end = Date.now() + 30_000; !(await isNow()); await sleep(1)) assert.ok(Date.now() < end, moment);
      child.kill("SIGKILL");
      await ended;
      await sleep(500); // what it has started may go on
      await rolledBack();
      await until(async () => (await rules()) === tables, "tables as they were");
      assert.equal(existsSync(config), false);
      await begun(...SOON); // and the next one is not held up
      await rolledBack();
    });
  }

  it("changes nothing with --dry-run, and prints the config and the rules", async () => {
    writeFileSync(config, OWN, "latin1");
    const look = () => host.ok(`iptables-save; nft list ruleset; ls -lR /run; ls -l ${config}; cat ${config}`);
    const before = await look();
    const { status, stdout } = await init("--dry-run", "--door", "ssh", "--port", "2222");
    assert.equal(status, 0);
    assert.equal(await look(), before);
    assert.match(stdout, /\[ssh\]\n\tsequence +=/);
    assert.match(stdout, /--dport 2222 -j ACCEPT/);
    assert.match(stdout, /-A KNOCKD_GUARD -j REJECT/);
  });

  it("keeps the doors that are there, and the file as it was", async () => {
    writeFileSync(config, OWN, "latin1");
    const { stdout } = await begun("--timeout", "3600");
    await opensTo(await daemon(stdout));
    const { status, stderr } = await host.knockctl("init", "--confirm");
    assert.equal(status, 0, stderr);
    assert.ok(conf().startsWith(OWN));
    assert.match(conf(), /\[openSSH\]/);
    assert.equal(readFileSync(`${config}.before-init`, "latin1"), OWN);
    const again = await init("--yes");
    assert.equal(again.status, 1);
    assert.match(again.stderr, /has a door openSSH already/);
    const replaced = await init("--yes", "--replace", "--dry-run");
    assert.doesNotMatch(replaced.stdout, /5151,1313,6262/);
    assert.match(replaced.stdout, /knockd\.conf\.before-init\.2$/m);
  });

  it("leaves out the doors of the package, which everybody knows", async () => {
    writeFileSync(config, readFileSync(join(repo, "knockd.conf.example")));
    const { stdout } = await init("--dry-run");
    assert.doesNotMatch(stdout, /4438/);
  });

  it("rolls all back when the disk is full at the confirmation: the config is as it was, byte for byte", async () => {
    const disk = join(host.wire.dir, "etc");
    await host.ok(`mount -t tmpfs -o size=16k private-disk ${disk}`);
    const inside = host.argv("sh", "-c", `cat >${config}`);
    assert.equal((await host.wire.run("server", inside, { input: Buffer.from(OWN, "latin1") })).status, 0);
    const tables = await rules();
    const { stdout } = await begun("--timeout", "3600");
    await opensTo(await daemon(stdout));
    await host.run("sh", "-c", `cat /dev/zero >${disk}/full`);
    const { status, stderr } = await host.knockctl("init", "--confirm");
    assert.equal(status, 1);
    assert.match(stderr, /^knockctl: not confirmed: .*No space left on device/);
    assert.equal(await rules(), tables);
    assert.equal(await host.ok(`ls ${disk}`), "full\nknockd.conf\n");
    const { stdout: now } = await host.run("od", "-An", "-tx1", "-v", "-w1", config);
    assert.equal(Buffer.from(now.replace(/\s/g, ""), "hex").toString("latin1"), OWN);
  });

  it("restores the config that a confirmation had replaced before it was broken off", async () => {
    writeFileSync(config, OWN, "latin1");
    const tables = await rules();
    const { stdout } = await begun("--timeout", "3600");
    await opensTo(await daemon(stdout));
    // It is killed at its last step but one.
    await host.ok("sed -i '/there is no way back/ikill -9 $$' /run/knockd-init/confirm");
    const { status } = await host.run("sh", "/run/knockd-init/confirm");
    assert.notEqual(status, 0);
    assert.match(conf(), /\[openSSH\]/, "it had come that far");
    await host.ok("sh /run/knockd-init/rollback");
    assert.equal(conf(), OWN);
    assert.equal(existsSync(`${config}.before-init`), false);
    assert.equal(await rules(), tables);
  });

  it("changes nothing where /run is full, or the rollback can't be armed", async () => {
    const tables = await rules();
    await host.run("sh", "-c", "cat /dev/zero >/run/full");
    const full = await init("--yes");
    assert.equal(full.status, 1);
    assert.match(full.stderr, /^knockctl: nothing is changed: .*[Nn]o space left/);
    assert.equal(await rules(), tables);
    await host.ok("rm /run/full; mount --bind /bin/false /usr/bin/setsid");
    const unarmed = await init("--yes");
    assert.equal(unarmed.status, 1);
    assert.match(unarmed.stderr, /^knockctl: nothing is changed: nothing would roll it back/);
    assert.equal(await rules(), tables);
  });

  it("begins nothing while another one waits, and of two at once only one", async () => {
    await begun();
    const second = await init("--yes", "--door", "other");
    assert.equal(second.status, 1);
    assert.match(second.stderr, /another set-up waits to be confirmed/);
    await host.knockctl("init", "--rollback");
    const both = await Promise.all([init("--yes"), init("--yes")]);
    assert.deepEqual(both.map(({ status }) => status).sort(), [0, 1]);
  });

  it("closes nothing when the rollback has come first", async () => {
    const tables = await rules();
    await begun();
    await host.ok(
      "cp -a /run/knockd-init /run/copy && sh /run/knockd-init/rollback && cp -a /run/copy /run/knockd-init && rm /run/knockd-init/id",
    );
    const { status } = await host.run("sh", "/run/knockd-init/begin");
    assert.equal(status, 3);
    assert.equal(await rules(), tables);
  });

  it("leaves a port closed that was closed before, and one that another set-up has closed", async () => {
    const { stdout } = await begun("--timeout", "3600");
    await opensTo(await daemon(stdout));
    assert.equal((await host.knockctl("init", "--confirm")).status, 0);
    const tables = await rules();
    await begun("--door", "again");
    await host.knockctl("init", "--rollback");
    assert.equal(await rules(), tables);
    await begun("--door", "web", "--port", "443");
    assert.match(await rules(), /--dport 443 .*-j KNOCKD_GUARD/);
    await host.knockctl("init", "--rollback");
    assert.equal(await rules(), tables);
  });

  it("restores the whole tables when its rules can't be taken out", async () => {
    for (const rule of BEFORE) await host.ok(`iptables ${rule}`);
    const tables = await rules();
    await begun();
    assert.equal(await host.isOpen(), false, "though a rule lets everybody in");
    await host.ok("rm /run/knockd-init/firewall");
    const { status } = await host.knockctl("init", "--rollback");
    assert.equal(status, 0);
    assert.equal(await rules(), tables);
  });

  it("asks at a terminal, and keeps it after the knock and a yes; or rolls back at a no, or Ctrl-C", async () => {
    const tables = await rules();
    for (const last of ["no", "\x03", "yes"]) {
      const terminal = new Terminal(host, config);
      await terminal.says("Which TCP port is to be closed?");
      terminal.types("");
      await terminal.says("Shall it be done?");
      assert.equal(await rules(), tables);
      terminal.types("yes");
      await terminal.says("Waiting for the knock");
      assert.equal(await host.isOpen(), false);
      const sequence = await daemon(terminal.said.replaceAll("\r", ""));
      if (last === "\x03") terminal.presses(last);
      else {
        await opensTo(sequence);
        await terminal.says("The door has opened to 10.77.0.2.");
        await terminal.says("is it to stay so?");
        terminal.types(last);
      }
      await terminal.says(last === "yes" ? "Confirmed: door openSSH stays" : "Rolled back: all is as it was.");
      if (last === "yes") assert.match(await rules(), /-j KNOCKD_GUARD/);
      else assert.equal(await rules(), tables);
      await terminal.ended;
    }
  });

  it("rolls back when the terminal has gone, and everybody in it", async () => {
    const tables = await rules();
    const terminal = new Terminal(host, config, "--minutes", "0.2");
    await terminal.says("Which TCP port is to be closed?");
    terminal.types("");
    await terminal.says("Shall it be done?");
    terminal.types("yes");
    await terminal.says("Waiting for the knock");
    assert.notEqual(await rules(), tables);
    terminal.dies();
    await terminal.ended;
    await until(
      async () => !(await host.ok("ps ax -o args")).includes(`knockctl.js init -c ${config}`),
      "end of knockctl",
    );
    assert.notEqual(await rules(), tables, "it died without a word");
    await rolledBack();
    assert.equal(await rules(), tables);
  });

  it("is for root, at a terminal or with --yes, and for a firewall that is there", async () => {
    const nobody = await init();
    assert.equal(nobody.status, 1);
    assert.match(nobody.stderr, /no terminal to ask at/);
    for (const wrong of [
      ["--port", "0"],
      ["--minutes", "61"],
      ["--sequence", "2"],
      ["--door", "a b"],
      ["--firewall", "pf"],
    ]) {
      assert.equal((await init("--yes", ...wrong)).status, 2, wrong.join(" "));
    }
    const persist = await init("--yes", "--persist");
    assert.match(persist.stderr, /--persist wants systemd/);
    writeFileSync(config, "[nonsense\n");
    const broken = await init("--yes");
    assert.deepEqual([broken.status, broken.stdout], [1, ""]);
    assert.equal(conf(), "[nonsense\n");
  });
});

/** A real one (script(1)), with knockctl init in it. */
class Terminal {
  said = "";
  readonly ended: Promise<unknown>;
  readonly #child: ReturnType<Host["wire"]["spawn"]>;

  constructor(host: Host, config: string, ...words: readonly string[]) {
    const command = [
      process.execPath,
      join(repo, "dist/src/knockctl.js"),
      "init",
      "-c",
      config,
      "--interface",
      "eth0",
      ...words,
    ];
    this.#child = host.wire.spawn("server", host.argv("script", "-qec", command.join(" "), "/dev/null"), {
      stdio: ["pipe", "pipe", "inherit"],
    });
    this.#child.stdout!.setEncoding("utf8").on("data", (text) => (this.said += text));
    this.ended = new Promise((resolve) => this.#child.once("exit", resolve));
  }

  says(text: string): Promise<void> {
    return until(() => this.said.includes(text), `"${text}" in ${this.said}`, 30_000);
  }

  types(line: string): void {
    this.presses(`${line}\r`);
  }

  presses(keys: string): void {
    this.#child.stdin!.write(keys);
  }

  dies(): void {
    this.#child.kill("SIGKILL");
  }
}

const RULES = `-P INPUT ACCEPT
-P FORWARD ACCEPT
-P OUTPUT ACCEPT
-N KNOCKD
-N KNOCKD_GUARD
-A INPUT -p tcp -m tcp --dport 22 --tcp-flags FIN,SYN,RST,ACK SYN -j KNOCKD_GUARD
-A KNOCKD_GUARD -i lo -j ACCEPT
-A KNOCKD_GUARD -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
-A KNOCKD_GUARD -j KNOCKD
-A KNOCKD_GUARD -j REJECT --reject-with icmp-port-unreachable
`;
