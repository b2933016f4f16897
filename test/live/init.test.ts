// Tests knockctl init with the real iptables and nft, the real daemon and real knocks, on a host without systemd. With
// systemd: test/boot/init.test.ts. Failures: init-faults.test.ts.
import assert from "node:assert/strict";
import { existsSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, it } from "node:test";
import { Host, OWN, Session, SOON, sequenceOf, until } from "./host.ts";
import { Terminal } from "./terminal.ts";
import { needsRoot, repo } from "./wire.ts";

/** On this host, iptables is iptables-legacy. */
const LEGACY = "mount --bind /usr/sbin/xtables-legacy-multi /usr/sbin/xtables-nft-multi";
const both = (...rules: readonly string[]) => rules.map((rule) => `iptables ${rule} && ip6tables ${rule}`).join(" && ");
const DROPS = both(
  "-P INPUT DROP",
  "-A INPUT -m conntrack --ctstate ESTABLISHED,RELATED -j ACCEPT",
  "-A INPUT -p icmp -j ACCEPT",
).replaceAll("ip6tables -A INPUT -p icmp -j", "ip6tables -A INPUT -p icmpv6 -j");
const ACCEPTS = `${DROPS} && ${both("-A INPUT -p tcp --dport 22 -j ACCEPT")}`;
const nftTable = (more: string) => `nft -f - <<'END'
table inet filter {
  chain input {
    type filter hook input priority 0; policy drop;
    ct state vmap { established : accept, related : accept }
    meta l4proto { icmp, ipv6-icmp } accept
    ${more}
  }
}
END`;
const UFW = `for folder in /etc/ufw /lib/ufw /etc/default; do
  mkdir -p "/run/of$folder" && cp -a "$folder/." "/run/of$folder/" && mount --bind "/run/of$folder" "$folder" || exit 1
done
ufw --force enable && ufw allow 22/tcp`;

/** Firewalls that leave the port open, and why the gate is used with them. */
const GATES: readonly (readonly [what: string, setUp: string, why: RegExp])[] = [
  ["no firewall", ":", /no firewall of this host refuses anything/],
  ["iptables-nft", ACCEPTS, /your own rules let port 22 in/],
  ["iptables-legacy", `${LEGACY} && ${ACCEPTS}`, /your own rules let port 22 in/],
  ["nft", nftTable("tcp dport 22 accept"), /your own rules let port 22 in/],
  ["ufw", UFW, /ufw writes the rules of this host, and drops the rules of others at a reload/],
];
/** Firewalls that already close the port. */
const MARKS: readonly (readonly [what: string, setUp: string])[] = [
  ["iptables-nft", DROPS],
  ["iptables-legacy", `${LEGACY} && ${DROPS}`],
  ["nft", nftTable("")],
];

describe("knockctl init", { skip: needsRoot }, () => {
  let host: Host;
  beforeEach(async () => {
    host = await Host.open();
  });
  afterEach(() => host?.close());

  /** Rules of the user's own firewall. */
  const own = () => host.ok("iptables -S; ip6tables -S; nft -s list ruleset | sed '/^table inet knockd/,/^}/d'");
  const isClosed = async () => (await host.knockctl("gate", "show", "tcp/22")).status === 0;

  for (const [what, setUp, why] of GATES) {
    it(`${what}: closes the port by the gate, keeps sessions, opens after a knock over IPv4 and IPv6, and stays once confirmed`, async () => {
      await host.ok(setUp);
      const before = await own();
      const session = await Session.open(host.wire); // before the kernel tracks any connection
      const { stdout } = await host.begun(...(what === "nft" ? ["--mixed"] : []));
      assert.match(stdout, /^firewall {3}gate: knockd's own table refuses new connections to port 22$/m);
      assert.match(stdout, why);
      assert.match(stdout, /^ {11}it fails open: /m);
      assert.doesNotMatch(stdout, /YOUR STEP/);
      assert.equal(existsSync(host.config), false, "nothing on the disk yet");
      await session.answers("first");
      assert.equal(await host.isOpen(), false);
      assert.equal(await host.isOpen(host.wire.server6), false);
      const local = "import socket; socket.create_connection(('127.0.0.1', 22), 9)";
      assert.equal((await host.run("python3", "-c", local)).stderr, "");

      const early = await host.knockctl("init", "--confirm");
      assert.deepEqual([early.status, early.stdout], [1, ""]);
      assert.match(early.stderr, /^knockctl: not confirmed: door openSSH has not opened yet: no client has knocked/);

      const sequence = await host.daemon(stdout);
      assert.match(stdout, new RegExp(`^ {4}knock -d 200 10.77.0.1 ${sequence.join(" ")}$`, "m"));
      await host.opensTo(sequence);
      assert.equal((await host.knockctl("status", "-c", host.config)).status, 0, "during the trial");
      assert.equal((await host.knockctl("explain", "--last", "-c", host.config)).status, 0);
      await host.opensTo(sequence, host.wire.server6);
      const late = await Session.open(host.wire);
      const { status, stderr } = await host.knockctl("init", "--confirm");
      assert.equal(status, 0, stderr);
      assert.deepEqual(sequenceOf(host.conf()), sequence);
      assert.match(host.conf(), /^\topen {8}= tcp\/22\n\tfor {9}= 30s$/m);
      assert.doesNotMatch(host.conf(), /knockd-init|command/, "nothing of the trial, and no command");
      assert.equal(statSync(host.config).mode & 0o777, 0o640);
      await host.ok("sh /run/knockd-init/rollback 'it comes too late'");
      const again = await host.knockctl("init", "--confirm");
      assert.equal(again.status, 0);
      assert.match(
        again.stdout,
        /^The setup is confirmed\.\nTCP port 22 is closed to clients that have not knocked, until the/m,
      );
      assert.equal(await isClosed(), true);
      await session.answers("second");
      await late.answers("third");
      assert.equal(await own(), before, "nothing of the user's firewall is touched");
    });

    it(`${what}: rolls back if it is not confirmed, and other tables are unchanged`, async () => {
      await host.ok(setUp);
      writeFileSync(host.config, OWN, "latin1");
      const [before, text] = [await host.rules(), host.conf()];
      const { stdout } = await host.begun(...SOON);
      await host.daemon(stdout); // which owns the table
      await host.rolledBack();
      assert.equal(await host.rules(), before);
      assert.equal(await host.isOpen(), true);
      assert.equal(host.conf(), text);
      const late = await host.knockctl("init", "--confirm");
      assert.equal(late.status, 1);
      assert.equal(
        late.stderr,
        "knockctl: rolled back: not confirmed within 0.1 minutes\nTCP port 22 is open, as it was before.\n",
      );
    });
  }

  for (const [what, setUp] of MARKS) {
    it(`${what} that closes the port: one rule accepts the mark, and it fails closed`, async () => {
      await host.ok(setUp);
      const reached = async () => {
        const probe = `import socket\nsocket.create_connection(('${host.wire.server}', 22), 1).close()`;
        return (await host.wire.run("client", ["python3", "-c", probe])).status === 0;
      };
      assert.equal(await reached(), false);
      const { stdout } = await host.begun("--timeout", "3600");
      assert.match(stdout, /^firewall {3}mark: your (nft|iptables) rules close port 22 already/m);
      assert.match(stdout, /^ {11}it fails closed: /m);
      assert.equal(await reached(), false);
      const sequence = await host.daemon(stdout);
      await host.knock(host.wire.server, ...sequence);
      await until(reached, "open door");
      const { status, stderr } = await host.knockctl("init", "--confirm");
      assert.equal(status, 0, stderr);
      assert.match(host.conf(), /^\tFirewall = mark 0x100000$/m);

      await host.ok("kill $(cat /run/knockd-init/knockd.pid)");
      await until(async () => !existsSync(host.path("/run/knockd-init/knockd.pid")), "the end of the daemon");
      await host.ok("nft delete table inet knockd");
      assert.equal(await reached(), false, "it fails closed");
    });

    it(`${what} that closes the port: a rollback removes the rule`, async () => {
      await host.ok(setUp);
      const before = await host.rules();
      const { stdout } = await host.begun(...SOON);
      await host.daemon(stdout);
      await host.rolledBack();
      assert.equal(await host.rules(), before);
      const late = await host.knockctl("init", "--confirm");
      assert.match(late.stderr, /TCP port 22 is closed, as it was before\.$/m);
    });
  }

  it("opens with the commands that it prints for knock, nc and curl", async () => {
    const { stdout } = await host.begun("--timeout", "1");
    await host.daemon(stdout);
    const lines = [...stdout.matchAll(/^ {4}(\S.*)$/gm)].map(([, line]) => line!);
    assert.deepEqual(
      lines.map((line) => /\b(knock|nc|curl)\b/.exec(line)?.[1]),
      ["knock", "nc", "curl"],
    );
    for (const line of lines) {
      await until(async () => !(await host.ok("nft list set inet knockd open4")).includes("elements"), "closed door");
      const command = line.replace(/^knock /, `${process.execPath} ${join(repo, "dist/src/knock.js")} `);
      await host.wire.run("client", ["sh", "-c", command], { timeoutMs: 30_000 });
      await until(
        async () => (await host.ok("cat /run/knockd-init/log")).split("OPEN SESAME").length === lines.indexOf(line) + 2,
        line,
      );
    }
  });

  it("changes nothing with --dry-run, and prints the plan, the config, the scripts, and the plan again", async () => {
    writeFileSync(host.config, OWN, "latin1");
    const look = () =>
      host.ok(`iptables-save; nft list ruleset; ls -lR /run; ls -l ${host.config}; cat ${host.config}`);
    const before = await look();
    const { status, stdout } = await host.init("--dry-run", "--door", "ssh", "--port", "2222");
    assert.equal(status, 0);
    assert.equal(await look(), before);
    const places = [
      /^door {7}ssh: 3 random knocks/m,
      /^firewall {3}gate: /m,
      /^\[ssh\]\n\tsequence +=/m,
      /^\topen {8}= tcp\/2222$/m,
      /^#!\/bin\/sh$/m,
    ].map((part) => stdout.search(part));
    assert.ok(!places.includes(-1));
    assert.deepEqual(
      places,
      [...places].sort((a, b) => a - b),
    );
    assert.match(stdout, /\n== In short \(nothing has changed\)\ndoor {7}ssh: [^=]*rollback [^\n]*\n$/);
  });

  it("keeps existing doors, and the rest of the file unchanged", async () => {
    writeFileSync(host.config, OWN, "latin1");
    const { stdout } = await host.begun("--timeout", "3600");
    await host.opensTo(await host.daemon(stdout));
    const { status, stderr } = await host.knockctl("init", "--confirm");
    assert.equal(status, 0, stderr);
    assert.ok(host.conf().startsWith(OWN));
    assert.match(host.conf(), /\[openSSH\]/);
    assert.equal(readFileSync(`${host.config}.before-init`, "latin1"), OWN);
    const again = await host.init("--yes");
    assert.equal(again.status, 1);
    assert.match(again.stderr, /already has a door "openSSH"\. Name the new one with --door openSSH2, /);
    const one = await host.init("--yes", "--replace-door", "--dry-run");
    assert.match(one.stdout, /5151,1313,6262/);
    assert.equal(one.stdout.match(/^\[openSSH\]$/gm)?.length, 2, "in the config, and in that of the trial");
    const replaced = await host.init("--yes", "--replace", "--dry-run");
    assert.doesNotMatch(replaced.stdout, /5151,1313,6262/);
    assert.match(replaced.stdout, /knockd\.conf\.before-init\.2$/m);
  });

  it("leaves out the package's example doors, which are public", async () => {
    writeFileSync(host.config, readFileSync(join(repo, "knockd.conf.example")));
    const { status, stdout } = await host.init("--dry-run");
    assert.equal(status, 0);
    assert.doesNotMatch(stdout, /4438/);
  });

  it("asks at a terminal, and keeps the door after the knock and a yes, or rolls back at a no or Ctrl-C", async () => {
    const tables = await host.rules();
    for (const last of ["no", "\x03", "yes"]) {
      const terminal = new Terminal(host, "--no-codes");
      await terminal.says("Which TCP port do you want to close? [22]");
      terminal.types("");
      await terminal.says("in without a knock? [y/N]");
      terminal.types("");
      await terminal.says("Do this now? [Y/n]");
      assert.equal(await host.rules(), tables);
      terminal.types("");
      await terminal.says("Waiting for the knock");
      assert.equal(await host.isOpen(), false);
      const sequence = await host.daemon(terminal.said.replaceAll("\r", ""));
      if (last === "\x03") terminal.presses(last);
      else {
        await host.opensTo(sequence);
        await terminal.says("The door opened to 10.77.0.2.");
        await terminal.says("Keep this setup?");
        terminal.types(last);
      }
      await terminal.says(last === "yes" ? "Confirmed: door openSSH stays" : "Rolled back: everything is as before.");
      if (last === "yes") assert.equal(await isClosed(), true);
      else assert.equal(await host.rules(), tables);
      await terminal.ended;
    }
  });

  it("needs root, a terminal or --yes, and an existing firewall", async () => {
    const nobody = await host.init();
    assert.equal(nobody.status, 1);
    assert.match(nobody.stderr, /no terminal to ask questions at/);
    for (const wrong of [
      ["--port", "0"],
      ["--minutes", "61"],
      ["--sequence", "2"],
      ["--door", "a b"],
      ["--firewall", "pf"],
    ]) {
      assert.equal((await host.init("--yes", ...wrong)).status, 2, wrong.join(" "));
    }
    const persist = await host.init("--yes", "--persist");
    assert.match(persist.stderr, /--persist needs systemd/);
    writeFileSync(host.config, "[nonsense\n");
    const broken = await host.init("--yes");
    assert.deepEqual([broken.status, broken.stdout], [1, ""]);
    assert.equal(host.conf(), "[nonsense\n");
  });
});
