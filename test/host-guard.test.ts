// Checks that tests, benchmarks and scripts can't fill this machine's disk, change its mounts or loop for ever. The
// runner limits each test file (runner/test-file.ts), and live/mount-namespace.ts protects the disks; this finds code
// that circumvents them.
import assert from "node:assert/strict";
import { readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { describe, it } from "node:test";
import { repo } from "./live/wire.ts";

const FOLDERS = ["test", "bench", "fuzz", "scripts", "packaging", ".ci"];
const SELF = "test/host-guard.test.ts";

interface Rule {
  readonly what: string;
  /** The pattern that shows it in a line. */
  readonly sign: RegExp;
  /** The files that may do it, and why. */
  readonly allowed: Record<string, string>;
}

const RULES: readonly Rule[] = [
  {
    what: "reads an endless file without `head -c`",
    sign: /\b(cat|cp|tee|tail|base64|od|x?gzip)\b[^|"'`;]*\/dev\/(zero|u?random|full)\b|<\s*\/dev\/(zero|u?random|full)\b|\byes( [^|"=,]*)?>/,
    allowed: {
      "test/runner/test-file.test.ts": "proves the runner's limit",
      "test/sandbox.test.ts": "texts that are never run",
    },
  },
  {
    what: "writes by dd or fallocate",
    sign: /\b(dd (if|of|bs)=|fallocate )/,
    allowed: {},
  },
  {
    what: "enters a mount namespace by itself, perhaps without its root: use inMountsOf",
    sign: /\bnsenter\b.*(-m\b|--mount)|"nsenter"/,
    allowed: {
      "test/live/mount-namespace.ts": "is the place for it",
      "test/live/mount-namespace.test.ts": "shows what is seen without the root",
      "test/boot/machine.ts": "enters all namespaces of a machine, with its root",
      "test/programs.test.ts": "texts that are never run",
    },
  },
  {
    what: "mounts or unmounts: only in a mount namespace of its own",
    sign: /\b(u?mount) (-[a-zA-Z]|--|"|\$|\/)|"u?mount"/,
    allowed: {
      "test/live/daemon.ts": "unshare -m",
      "test/live/host.ts": "unshare -m",
      "test/live/firewall-tools.test.ts": "in a host of host.ts",
      "test/live/init.test.ts": "in a host of host.ts",
      "test/live/init-faults.test.ts": "in a host of host.ts",
      "test/live/init-race.test.ts": "in a host of host.ts",
      "test/live/hanging-disk.cc": "unshare -m in hanging-disk.test.ts",
      "test/live/failing-disk.ts": "in the daemon's namespace of daemon.ts",
      "test/live/faults-start.test.ts": "unshare -m",
      "test/live/mount-namespace.test.ts": "unshare --mount",
      "test/live/report.test.ts": "unshare --mount",
      "test/live/report-syslogd.test.ts": "unshare --mount",
      "test/live/ufw.test.ts": "unshare -m",
      "test/live/gate-modes.test.ts": "unshare -m",
      "test/command.test.ts": "unshare -m",
      "test/live/check.test.ts": "unshare -m",
      "test/live/knockctl.test.ts": "unshare -m",
      "test/live/reload-request.test.ts": "unshare -m",
      "test/live/single.test.ts": "unshare -m",
      "test/live/socket-abuse.test.ts": "unshare -m",
      "test/knock.test.ts": "ip netns exec makes one for each command",
      "test/sinks.test.ts": "unshare -m",
      "test/sandbox.test.ts": "texts that are never run",
      "test/native/injected.cc": "at a path that is not there, in a process that may not",
      "test/boot/machine.ts": "an overlay in build/boot, and unshare --mount",
      "bench/latency.ts": "unshare -m",
      "packaging/nspawn": "unshare --mount",
      "packaging/arm-machine": "runs in QEMU",
    },
  },
  {
    what: "has a shell's loop that may never end: use untilShell or seq",
    sign: /\b(while|until) (:|true|! |\[ [^$])(?!.* -lt )/,
    allowed: {
      "bench/arm-instructions.ts": "runs in QEMU",
      "test/live/queue.test.ts": "ends when the daemon's folder is removed",
    },
  },
];

function walk(folder: string): string[] {
  return readdirSync(join(repo, folder)).flatMap((name) => {
    const path = join(folder, name);
    return statSync(join(repo, path)).isDirectory() ? walk(path) : [path];
  });
}

/** Documentation and logs are not programs. */
const isProgram = (path: string) => !/\.(png|log|txt|[1-8])$|\/man\/|\/debian\//.test(path) && path !== SELF;
const programs = FOLDERS.flatMap(walk).filter(isProgram);
const found = ({ sign }: Rule, path: string, text = readFileSync(join(repo, path), "utf8")): string[] =>
  text
    .split("\n")
    .filter((line) => sign.test(line) && !/^\s*(\/\/|\*|#)/.test(line))
    .map((line) => `${path}: ${line.trim()}`);

describe("no test, bench or script", () => {
  for (const rule of RULES) {
    it(rule.what, () => {
      const lines = programs.filter((path) => !(path in rule.allowed)).flatMap((path) => found(rule, path));
      assert.deepEqual(lines, []);
    });

    it(`${rule.what}: each listed exception still exists`, () => {
      for (const path of Object.keys(rule.allowed)) assert.notDeepEqual(found(rule, path), [], path);
    });
  }

  const caught: [rule: number, line: string][] = [
    [0, 'await host.run("sh", "-c", "cat /dev/zero >/run/full");'],
    [0, "command = cat /dev/urandom >file"],
    [0, "yes x >file"],
    [1, "dd if=/dev/zero of=file"],
    [2, '["nsenter", "-m", "-t", pid]'],
    [3, "mount --bind a b"],
    [3, "umount -l /proc"],
    [4, "while :; do echo >>file; done"],
    [4, "while [ ! -e go ]; do sleep 0.1; done"],
  ];
  for (const [rule, line] of caught) {
    it(`is overlooked when it contains: ${line}`, () => assert.equal(found(RULES[rule]!, "x", line).length, 1));
  }
});
