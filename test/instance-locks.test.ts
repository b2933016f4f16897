// Tests what only one daemon may do at a time: it is locked, refused to others with the holder's name, and released.

import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, afterEach, describe, it } from "node:test";
import { AlreadyRunning, InstanceLocks } from "../src/doors/instance-locks.ts";
import { ledgerPath, STATE_DIRECTORY } from "../src/platform/state-directory.ts";

const dir = mkdtempSync(join(tmpdir(), "claims-"));
/** No daemon has such a config. */
const config = join(dir, "knockd.conf");
const made: InstanceLocks[] = [];
const open = () => {
  const claims = new InstanceLocks();
  made.push(claims);
  return claims;
};
afterEach(() => {
  for (const claims of made.splice(0)) claims.end();
});
after(() => rmSync(dir, { recursive: true }));

/** The error message of another process that claims the lock. Empty if it gets the lock. */
function other(code: string): string {
  const script = `
    import { InstanceLocks } from ${JSON.stringify(new URL("../src/doors/instance-locks.js", import.meta.url).href)};
    const claims = new InstanceLocks();
    try { ${code}; claims.end(); } catch (error) { console.log(error.message); }
  `;
  return spawnSync(process.execPath, ["--input-type=module", "-e", script], { encoding: "utf8" }).stdout.trim();
}

describe("a lock", () => {
  const path = join(dir, "state");
  const take = `claims.acquire(${JSON.stringify(path)}, "here")`;

  it("is refused with a reason where nothing can be locked, which a daemon survives", () => {
    const nowhere = "/proc/knockd/state";
    assert.throws(() => open().acquire(nowhere, "here"), /No such file/);
    assert.match(open().tryAcquire(nowhere, "here")!, /No such file/);
    assert.equal(open().tryAcquire(path, "here"), undefined);
    const taking = take.replace("acquire", "tryAcquire");
    assert.match(other(taking), new RegExp(`already running here \\(pid ${process.pid}\\)`));
  });

  it("belongs to one process, whose pid others get, until it is released", () => {
    const claims = open();
    claims.acquire(path, "here");
    claims.acquire(path, "here"); // claiming it again has no effect
    assert.equal(other(take), `knockd is already running here (pid ${process.pid})`);
    const advised = `claims.acquire(${JSON.stringify(path)}, "here", "Go there.")`;
    assert.equal(other(advised), `knockd is already running here (pid ${process.pid})\nGo there.`);
    claims.release(path);
    assert.equal(existsSync(`${path}.lock`), false);
    assert.equal(other(take), "");
  });

  it("that cannot be made is reported with the system's error", () => {
    assert.throws(() => open().acquire(join(dir, "nowhere", "x"), ""), /No such file or directory/);
    assert.throws(
      () => open().acquire("/proc/x", ""),
      (error: Error) => !(error instanceof AlreadyRunning),
    );
  });
});

describe("the locks of interfaces", {
  skip: process.getuid?.() === 0 || process.env.CI ? false : "needs root: sudo npm test",
}, () => {
  const claim = (...words: string[]) => `claims.acquireInterfaces(${JSON.stringify(config)}, ${JSON.stringify(words)})`;

  it("are separate for each interface and config, and released for interfaces that are no longer used", () => {
    const claims = open();
    claims.acquireInterfaces(config, ["eth0", "wlan0"]);
    assert.match(other(claim("lo", "wlan0")), /knockd\.conf on wlan0 \(pid \d+\)$/);
    assert.equal(other(claim("lo")), "");
    claims.keepInterfaces(config, ["eth0"]);
    assert.equal(other(claim("wlan0")), "");
    assert.match(other(claim("eth0")), /on eth0 \(pid/);
  });

  it("let one daemon take over the ledgers of dead ones, once", () => {
    const claims = open();
    claims.acquireInterfaces(config, ["eth0"]);
    mkdirSync(STATE_DIRECTORY, { recursive: true });
    const [dead, ours, foreign] = ["wlan0", "eth0", "eth0,wlan0"].map((words) => ledgerPath(config, words));
    const another = ledgerPath(`${config}.other`, "eth0");
    for (const path of [dead!, ours!, foreign!, another]) writeFileSync(path, "{}");
    const adopted: string[] = [];
    claims.adoptOrphans(config, foreign!, (path) => void adopted.push(path));
    for (const path of [dead!, ours!, foreign!, another]) rmSync(path);
    assert.deepEqual(adopted.sort(), [ours, dead].sort());
    assert.equal(other(claim("wlan0")), "", "what was adopted is free again");
    assert.match(other(claim("eth0")), /on eth0/, "what was ours before stays so");
  });
});
