// Tests Debian's ufw, which keeps its rules in a file, in namespaces of its own: this machine's rules are not touched.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { after, afterEach, before, describe, it } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { frame } from "../frame.ts";
import { block } from "../markdown.ts";
import { Daemon } from "./daemon.ts";
import { needsRoot, Wire } from "./wire.ts";

// ufw's files are in a folder of the test. The mounts disappear with the last process that sees them.
const PRIVATE_UFW = `
set -e
dir=$1; shift
mount --make-rprivate /
for folder in /etc/ufw /lib/ufw /etc/default; do
  mkdir -p "$dir$folder"
  cp -a "$folder/." "$dir$folder/"
  mount --bind "$dir$folder" "$folder"
done
mount -t tmpfs -o mode=755,size=1m private-run /run
ufw --force enable
ufw allow 2222
exec "$@"
`;
const KNOCKERS = Array.from({ length: 6 }, (_, i) => `10.77.0.${20 + i}`);
const PAGE = block("docs/firewall.md", "test/live/ufw.test.ts", "ufw-door");
const inPage = (directive: string) => new RegExp(`${directive} *= (.*)`).exec(PAGE)![1]!;
/** The door's commands as people write them, in several ways. */
const COMMANDS: readonly (readonly [what: string, start: string, stop: string])[] = [
  ["ufw", "ufw insert 1 allow from %IP% to any port 22", "ufw delete allow from %IP% to any port 22"],
  [
    "/usr/sbin/ufw, by sudo's like and by a shell",
    "env LC_ALL=C nice -n 1 /usr/sbin/ufw insert 1 allow from %IP% to any port 22",
    "sh -c 'ufw delete allow from %IP% to any port 22 >/dev/null'",
  ],
  ["as docs/firewall.md has it", inPage("start_command"), inPage("stop_command")],
  ["scripts of its own, one for each", "sh @dir@/open.sh %IP%", "sh @dir@/close.sh %IP%"],
];
const FILES = {
  "open.sh": 'ufw insert 1 allow from "$1" to any port 22\n',
  "close.sh": 'ufw delete allow from "$1" to any port 22\n',
  "other-open.sh": '. @dir@/rule.sh; rule insert 1 allow from "$1" to any port 80\n',
  "other-close.sh": '. @dir@/rule.sh; rule delete allow from "$1" to any port 80\n',
  "rule.sh": 'rule() { /usr/sbin/ufw "$@"; }\n',
};

const door = (name: string, port: number, start: string, stop: string) => `
[${name}]
  sequence = ${port}:udp
  start_command = ${start}
  stop_command = ${stop}
  cmd_timeout = 600
`;

describe("doors with ufw commands", { skip: needsRoot }, () => {
  let wire: Wire;
  const running: Daemon[] = [];

  before(async () => {
    wire = await Wire.open();
  });
  after(() => wire?.close());
  afterEach(async () => {
    for (const daemon of running.splice(0)) await daemon.stop("SIGKILL");
  });

  async function start(doors: string): Promise<Daemon> {
    const config = `[options]\n  StateFile = @dir@/ledger\n${doors}`;
    const by = ["unshare", "-m", "sh", "-c", PRIVATE_UFW, "sh", "@dir@/ufw"];
    const daemon = await Daemon.start(wire, "ours", config, undefined, { by, files: FILES, ready: "" });
    running.push(daemon);
    await daemon.waitFor("listening on eth0...", 60_000); // ufw takes seconds to start
    return daemon;
  }
  const knockAll = (...ports: number[]) =>
    wire.send(
      KNOCKERS.map((from, i) => ({
        at: 0,
        frame: frame({
          ...{ from, to: wire.server, protocol: "udp" },
          ...{ port: ports[i % ports.length]!, sourcePort: 20_000 + i },
        }),
      })),
    );
  /** The clients that are allowed by the rules that ufw would restore at the next boot. */
  function allowed(daemon: Daemon): string[] {
    const rules = readFileSync(join(daemon.dir, "ufw/etc/ufw/user.rules"), "utf8");
    return [...new Set([...rules.matchAll(/-s (10\.77\.0\.\d+) .*-j ACCEPT/g)].map(([, ip]) => ip!))].sort();
  }
  /** The clients that are allowed by the kernel's rules. */
  async function inKernel(): Promise<string[]> {
    const { stdout } = await wire.run("server", ["iptables", "-S", "ufw-user-input"]);
    return [...new Set([...stdout.matchAll(/-s (10\.77\.0\.\d+)\/32 /g)].map(([, ip]) => ip!))].sort();
  }
  const ended = (daemon: Daemon, what: string) => daemon.stdout.split(`: running command: ${what}`).length - 1;

  const cases = COMMANDS.map(([what, ...commands]) => ({ what, ports: [7000], doors: door("ssh", 7000, ...commands) }));
  cases.push({
    what: "two doors with scripts of their own",
    ports: [7000, 7001],
    doors:
      door("ssh", 7000, "sh @dir@/open.sh %IP%", "sh @dir@/close.sh %IP%") +
      door("web", 7001, "sh @dir@/other-open.sh %IP%", "sh @dir@/other-close.sh %IP%"),
  });
  for (const { what, ports, doors } of cases) {
    it(`admit all clients that knock at the same time, and keep none after SIGTERM: ${what}`, async () => {
      const daemon = await start(doors);
      await knockAll(...ports);
      for (let tries = 0; allowed(daemon).length < KNOCKERS.length && tries < 200; tries++) await sleep(100);
      assert.deepEqual(allowed(daemon), KNOCKERS);
      await daemon.waitFor(() => ended(daemon, "") === KNOCKERS.length);
      for (let tries = 0; (await inKernel()).length < KNOCKERS.length && tries < 100; tries++) await sleep(50);
      assert.deepEqual(await inKernel(), KNOCKERS);
      daemon.signal("SIGTERM");
      await daemon.exited;
      assert.deepEqual([allowed(daemon), await inKernel()], [[], []]);
      assert.equal(daemon.stderr, "");
    });
  }
});
