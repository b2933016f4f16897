// Tests abuse of the daemon's sockets during a siege: no knock is lost, and other clients are answered.
import assert from "node:assert/strict";
import { once } from "node:events";
import { join } from "node:path";
import { after, afterEach, before, describe, it } from "node:test";
import { groupSocketOf, socketPath } from "../../src/control/socket-path.ts";
import { frame } from "../frame.ts";
import { scaled } from "../time-limit.ts";
import { abuse } from "./abuse.ts";
import { Daemon, type StartOptions } from "./daemon.ts";
import { cameIn, DOOR, knockAll, knockers, PORTS } from "./knockers.ts";
import { inMountsOf } from "./mount-namespace.ts";
import { mostMemory } from "./process-stats.ts";
import { needsRoot, repo, Wire } from "./wire.ts";

/** MiB. */
const MAX_MEMORY = 130;
/** A number that no group of this machine has. */
const GROUP = 64_123;

describe("abuse of the daemon's sockets during a flood", { skip: needsRoot }, () => {
  let wire: Wire;
  const running: Daemon[] = [];
  before(async () => {
    wire = await Wire.open();
  });
  after(() => wire?.close());
  afterEach(async () => {
    for (const daemon of running.splice(0)) await daemon.stop("SIGKILL");
  });
  const honest = knockers(20);

  // A machine with that group, as in knockctl.test.ts.
  const machine = 'set -e; mount --bind "$1" /etc/group; mount -t tmpfs -o mode=700 none /run/knockd; shift; exec "$@"';
  const options: StartOptions = {
    files: { group: `root:x:0:\nknockd:x:${GROUP}:\n` },
    by: ["unshare", "-m", "sh", "-c", machine, "sh", "@dir@/group"],
  };

  for (const [who, ids] of [
    ["root", []],
    ["the group", ["setpriv", "--reuid=65534", "--regid=65534", `--groups=${GROUP}`]],
  ] as const) {
    it(`by ${who}: a thousand clients cost no knock, and root gets an answer`, {
      timeout: scaled(120_000),
    }, async () => {
      const daemon = await Daemon.start(wire, "ours", DOOR, undefined, options);
      running.push(daemon);
      const there = (more: readonly string[]) => inMountsOf(daemon.pid, ...more);
      const roots = socketPath(daemon.configPath, ["eth0"]);
      const path = who === "root" ? roots : groupSocketOf(roots);
      const clients = await abuse(wire, path, there(ids));

      const templates = [frame({ from: wire.client, to: wire.server, protocol: "tcp", port: PORTS[0]! })];
      const flood = wire.flood({ templates, count: 30_000, rate: 8000, vary: "source" });
      await knockAll(wire, honest, 0.3, 0.1);
      await flood;
      const came = () => cameIn(daemon.commands());
      await daemon.waitFor(() => came().length >= honest.length, 30_000);
      assert.deepEqual(came(), honest.map((from) => `in ${from}`).sort());

      const argv = [process.execPath, join(repo, "dist/src/knockctl.js"), "status", "-c", daemon.configPath];
      const root = await wire.run("server", [...there([]), ...argv], { timeoutMs: 30_000 });
      assert.equal(root.status, 0, root.stderr);
      assert.match(root.stdout, /^Now: \d+ live attempts$/m);
      assert.equal(clients.exitCode, null, "they have been there all the time");
      const closed = once(clients, "close");
      clients.kill("SIGKILL");
      await closed;
      assert.equal(daemon.stderr, "");
      assert.ok(mostMemory(daemon.pid) < MAX_MEMORY, `${mostMemory(daemon.pid)} MiB`);
    });
  }
});
