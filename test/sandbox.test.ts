// Tests which commands the unit refuses, with the unit and the drop-ins that we ship. What we say is compared with the
// behaviour of booted systems (boot/commands.ts) and of a process with the unit's capabilities.
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { after, describe, it } from "node:test";
import { parseConfig } from "../src/config/parse.ts";
import { lintSandbox } from "../src/lint/sandbox.ts";
import { installedUnit, loadedUnit, Unit } from "../src/lint/systemd-unit.ts";
import { COMMANDS } from "./boot/commands.ts";
import { needsRoot, repo } from "./live/wire.ts";

const text = (file: string) => readFileSync(join(repo, file), "utf8");
const base = text("systemd/knockd.service");
const UNITS = {
  "knockd.service": new Unit([base]),
  "knockd-hardened.conf": new Unit([base, text("examples/knockd-hardened.conf")]),
  "knockd-unprivileged.conf": new Unit([base, text("examples/knockd-unprivileged.conf")]),
};
const DEBIAN = new Unit(["[Service]\nProtectSystem=full\nCapabilityBoundingSet=CAP_NET_RAW CAP_NET_ADMIN"]);
const OWN = new Unit([base, "[Service]\nProtectSystem=strict\nReadWritePaths=-/var/log /srv/a\nProtectHome=read-only"]);

/** Why this unit refuses it, in the words of the finding. */
function refusal(command: string, unit: Unit): string | undefined {
  const config = parseConfig(`[a]\nsequence = 1\ncommand = ${command}\n`, "k.conf", () => undefined);
  const [finding] = lintSandbox(config, unit);
  return finding && /^k\.conf:3: \[a\] knockd\.service refuses this: (.*)$/.exec(finding.text)![1];
}

describe("the unit refuses", () => {
  const [plain, hardened, unprivileged] = Object.values(UNITS) as [Unit, Unit, Unit];
  const strict = (path: string) => `${path} is read-only (ProtectSystem=strict)`;
  const table: [command: string, unit: Unit, why: string | undefined][] = [
    ["echo %IP% >>/usr/local/log", plain, "/usr/local/log is read-only (ProtectSystem=true)"],
    ["echo %IP% >>/etc/knocked", plain, undefined],
    ["echo %IP% >>/etc/knocked", DEBIAN, "/etc/knocked is read-only (ProtectSystem=full)"],
    ["echo %IP% >>/etc/knocked", hardened, strict("/etc/knocked")],
    ["echo %IP% >/var/log/knocked", hardened, strict("/var/log/knocked")],
    ["echo %IP% >/var/log/knocked", OWN, undefined],
    ["touch /srv/a/b", OWN, undefined],
    ["touch /srv/ab", OWN, strict("/srv/ab")],
    ["iptables -F && rm /srv/x", hardened, strict("/srv/x")],
    ["echo x >/tmp/mine", hardened, undefined],
    ["echo x >/tmp/mine", unprivileged, undefined],
    ["echo x >/run/knockd/mine 2>/dev/null", hardened, undefined],
    ["echo 1 >/sys/class/gpio/export", plain, undefined],
    ["echo 1 >/proc/sys/net/ipv4/ip_forward", plain, undefined],
    [
      "echo 1 >/proc/sys/net/ipv4/ip_forward",
      hardened,
      "/proc/sys/net/ipv4/ip_forward is read-only (ProtectKernelTunables)",
    ],
    ["sysctl -w net.ipv4.ip_forward=1", hardened, "/proc/sys is read-only (ProtectKernelTunables)"],
    ["sysctl net.ipv4.ip_forward", hardened, undefined],
    ["/home/pi/open.sh %IP%", plain, undefined],
    ["/home/pi/open.sh %IP%", hardened, "/home/pi/open.sh is hidden (ProtectHome)"],
    ["sh /home/pi/open.sh %IP%", hardened, "/home/pi/open.sh is hidden (ProtectHome)"],
    ["logger /home/pi is open for %IP%", hardened, undefined],
    ["iptables -A INPUT -m comment --comment /root/x -j ACCEPT", hardened, undefined],
    ["/root/open.sh", unprivileged, "/root/open.sh is hidden (ProtectHome)"],
    ["/home/pi/open.sh", OWN, undefined],
    ["cat /dev/ttyUSB0", plain, undefined],
    ["cat /dev/ttyUSB0", hardened, "/dev/ttyUSB0 is hidden (PrivateDevices)"],
    ["cat /dev/urandom", hardened, undefined],
    ["mount /mnt", plain, "mount needs CAP_SYS_ADMIN (CapabilityBoundingSet)"],
    ["/bin/su pi", plain, "su needs CAP_SETGID (CapabilityBoundingSet)"],
    ["modprobe xt_recent", plain, undefined],
    ["modprobe xt_recent", hardened, "modprobe needs CAP_SYS_MODULE (CapabilityBoundingSet)"],
    ["sudo iptables -F", plain, undefined],
    ["sudo iptables -F", hardened, "sudo cannot gain privileges (NoNewPrivileges)"],
    ["systemctl start cron", hardened, undefined],
    ["systemctl start cron", unprivileged, "systemctl needs root (DynamicUser)"],
    ["curl http://10.77.0.9/", plain, undefined],
    ["curl http://10.77.0.9/", hardened, "curl has no network access (IPAddressDeny)"],
    [
      "curl http://10.77.0.9/",
      new Unit([base, text("examples/knockd-hardened.conf"), "[Service]\nIPAddressAllow=10.0.0.0/8"]),
      undefined,
    ],
    ["mount /mnt", new Unit(["[Service]\nProtectSystem=yes"]), undefined],
    [
      "mount /mnt",
      new Unit(["[Service]\nCapabilityBoundingSet=~CAP_SYS_ADMIN CAP_MKNOD"]),
      "mount needs CAP_SYS_ADMIN (CapabilityBoundingSet)",
    ],
    ["su pi", new Unit(["[Service]\nCapabilityBoundingSet=~CAP_SYS_ADMIN"]), undefined],
    [
      "mount /mnt",
      new Unit(["[Service]\nCapabilityBoundingSet=CAP_NET_RAW\nCapabilityBoundingSet=CAP_SYS_ADMIN"]),
      undefined,
    ],
    ["sh -c 'mount /mnt'", plain, undefined],
    ["X=$(mount /mnt)", plain, undefined],
  ];
  for (const [command, unit, why] of table) {
    const name = Object.entries(UNITS).find(([, one]) => one === unit)?.[0] ?? "another unit";
    it(`${command}, under ${name}: ${why ?? "no"}`, () => assert.equal(refusal(command, unit), why));
  }

  it("files that knockd writes, unless the unit allows them", () => {
    const config = parseConfig(
      "[options]\nLogFile = /var/log/knockd.log\n[a]\none_time_sequences = /etc/knockd/a\n[b]\none_time_sequences = /root/b\n",
      "k.conf",
      () => [{ protocol: "tcp", port: 1 }],
    );
    const found = (unit: Unit) => lintSandbox(config, unit).map(({ text, hint }) => `${text} → ${hint}`);
    assert.deepEqual(found(plain), []);
    const hint = 'Run "systemctl edit knockd" and add these two lines: [Service] and ReadWritePaths=';
    const [log, a, b] = [
      `k.conf:2: [options] knockd.service cannot write /var/log/knockd.log (ProtectSystem=strict) → ${hint}/var/log`,
      `k.conf:4: [a] knockd.service cannot write /etc/knockd/a (ProtectSystem=strict): knockd does not start → ${hint}/etc/knockd`,
      `k.conf:6: [b] knockd.service cannot write /root/b (ProtectHome): knockd does not start → ${hint}/root`,
    ];
    assert.deepEqual(found(hardened), [log, a, b]);
    const opened = new Unit([
      base,
      text("examples/knockd-hardened.conf"),
      "[Service]\nReadWritePaths=/var/log /etc/knockd",
    ]);
    assert.deepEqual(found(opened), [b]);
    const file = new Unit([
      base,
      text("examples/knockd-hardened.conf"),
      "[Service]\nReadWritePaths=/var/log /etc/knockd/a",
    ]);
    const folder = a
      .replace("write", "replace")
      .replace("knockd does not start", "the door is disabled after its first use");
    assert.deepEqual(found(file), [folder, b]);
  });

  it("nothing that worked on a booted system, and most of what it refused there", () => {
    const refused = COMMANDS.flatMap(([name, command, ...works]) =>
      [true, ...works].flatMap((works, i) => {
        const [unit, under] = [Object.values(UNITS)[i]!, Object.keys(UNITS)[i]];
        const why = refusal(command, unit);
        assert.ok(!works || why === undefined, `${name} works under ${under}, and is called refused: ${why}`);
        return works ? [] : [why];
      }),
    );
    assert.ok(refused.filter((why) => why !== undefined).length >= 9, `${refused.length}: ${refused}`);
  });

  for (const command of [
    "mount -t tmpfs none @",
    "umount @",
    "su nobody -s /bin/true",
    "runuser -u nobody true",
    "chroot / true",
    "mknod @/x c 1 3",
  ]) {
    it(`${command}: and so does the kernel, for a process with the unit's capabilities`, { skip: needsRoot }, () => {
      const dir = mkdtempSync(join(tmpdir(), "sandbox-"));
      const line = command.replace("@", dir);
      assert.match(refusal(line, plain) ?? "", /needs CAP_/);
      const set = plain.words("CapabilityBoundingSet").map((name) => `+${name.slice("CAP_".length).toLowerCase()}`);
      const { status, stderr } = spawnSync("setpriv", [`--bounding-set=-all,${set}`, "sh", "-c", line], {
        encoding: "utf8",
      });
      rmSync(dir, { recursive: true });
      assert.notEqual(status, 0);
      assert.match(stderr, /not permitted|denied|must be superuser/);
    });
  }
});

describe("the installed unit", () => {
  const root = mkdtempSync(join(tmpdir(), "unit-"));
  after(() => rmSync(root, { recursive: true }));
  const write = (path: string, lines: string) => {
    mkdirSync(dirname(join(root, path)), { recursive: true });
    writeFileSync(join(root, path), `[Unit]\nProtectHome=no\n[Service]\n# ProtectHome=x\n${lines}`);
  };

  it("is none, then a package's, then that in /etc, with all drop-ins in the order of their names", () => {
    assert.equal(installedUnit(root), undefined);
    write("usr/lib/systemd/system/knockd.service", "ProtectHome = read-only\nReadWritePaths=/a \\\n  /b\n");
    const unit = () => installedUnit(root)!;
    assert.deepEqual([unit().last("ProtectHome"), unit().words("ReadWritePaths")], ["read-only", ["/a", "/b"]]);
    write("etc/systemd/system/knockd.service", "ProtectHome=tmpfs\n");
    assert.deepEqual([unit().last("ProtectHome"), unit().words("ReadWritePaths")], ["tmpfs", []]);
    write("etc/systemd/system/knockd.service.d/b.conf", "ReadWritePaths=/b\n");
    write("usr/lib/systemd/system/knockd.service.d/a.conf", "ReadWritePaths=/a\nProtectHome=yes\n");
    write("usr/lib/systemd/system/knockd.service.d/b.conf", "ReadWritePaths=/hidden\n");
    write("etc/systemd/system/knockd.service.d/c.txt", "ReadWritePaths=/c\n");
    assert.deepEqual([unit().isOn("ProtectHome"), unit().words("ReadWritePaths")], [true, ["/a", "/b"]]);
    write("etc/systemd/system/knockd.service.d/z.conf", "ReadWritePaths=\nReadWritePaths=/z\n");
    assert.deepEqual(unit().words("ReadWritePaths"), ["/z"]);
  });
});

describe("the unit that systemd has loaded", () => {
  const dir = mkdtempSync(join(tmpdir(), "systemctl-"));
  const { PATH } = process.env;
  after(() => {
    process.env.PATH = PATH;
    rmSync(dir, { recursive: true });
  });
  /** A systemctl that prints this text, and the arguments that it was called with. */
  function systemctl(shown: string, status = 0): Unit | undefined {
    const script = `#!/bin/sh\necho "$@" >${dir}/asked\ncat <<'END'\n${shown}\nEND\nexit ${status}\n`;
    writeFileSync(join(dir, "systemctl"), script, { mode: 0o755 });
    process.env.PATH = `${dir}:${PATH}`;
    return loadedUnit(dir, dir);
  }

  it("is read from systemctl, if systemd runs", () => {
    const unit = systemctl("LoadState=loaded\nProtectSystem=strict\nReadWritePaths=-/var/log /srv/a\nProtectHome=no")!;
    assert.match(
      readFileSync(join(dir, "asked"), "utf8"),
      /^show --property=LoadState,.*ReadWritePaths.* knockd\.service\n$/,
    );
    assert.equal(refusal("touch /srv/a/b", unit), undefined);
    assert.equal(refusal("touch /srv/b", unit), "/srv/b is read-only (ProtectSystem=strict)");
    assert.equal(loadedUnit(join(dir, "absent")), undefined);
    assert.equal(systemctl("LoadState=loaded\nNeedDaemonReload=yes\nProtectSystem=strict"), undefined);
  });

  it("is not used if there is a drop-in that systemd has not read", () => {
    const path = join(dir, "etc/systemd/system/knockd.service.d/own.conf");
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, "[Service]\nProtectSystem=strict\n");
    assert.equal(systemctl("LoadState=loaded\nNeedDaemonReload=no\nDropInPaths=\nProtectSystem=no"), undefined);
    const known = `DropInPaths=/x.conf ${path}`;
    assert.notEqual(systemctl(`LoadState=loaded\nNeedDaemonReload=no\n${known}\nProtectSystem=strict`), undefined);
    rmSync(join(dir, "etc"), { recursive: true });
  });

  it("has capabilities and addresses in another form than the file", () => {
    const unit = systemctl(
      "LoadState=loaded\nCapabilityBoundingSet=cap_net_admin cap_net_raw\nIPAddressDeny=::/0 0.0.0.0/0\nIPAddressAllow=",
    )!;
    assert.equal(refusal("mount /mnt", unit), "mount needs CAP_SYS_ADMIN (CapabilityBoundingSet)");
    assert.equal(refusal("curl http://10.77.0.9/", unit), "curl has no network access (IPAddressDeny)");
    const none = systemctl("LoadState=loaded\nCapabilityBoundingSet=\nIPAddressDeny=10.0.0.0/8")!;
    assert.equal(refusal("mount /mnt", none), "mount needs CAP_SYS_ADMIN (CapabilityBoundingSet)");
    assert.equal(refusal("curl http://10.77.0.9/", none), undefined);
  });

  it("is none if systemd has not loaded it, or does not answer", () => {
    assert.equal(systemctl("LoadState=not-found"), undefined);
    assert.equal(systemctl("LoadState=loaded", 1), undefined);
  });
});
