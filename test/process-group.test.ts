// Tests that whatever a command has started is ended with it, even if it ignores signals.
import assert from "node:assert/strict";
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, describe, it } from "node:test";
import { type Run, run, runByNode } from "../src/runner/command.ts";
import { until } from "./time-limit.ts";

const dir = mkdtempSync(join(tmpdir(), "knockd-group-"));
after(() => rmSync(dir, { recursive: true }));

for (const [name, by] of [
  ["run", run],
  ["runByNode", runByNode],
] as const)
  describe(`a command of ${name} that is terminated`, () => ends(by));

function ends(run: Run): void {
  /** Runs it, terminates it when it is ready, and returns its status. */
  async function ended(command: string): Promise<number> {
    const ready = join(dir, "ready");
    let end: (() => void) | undefined;
    const status = run(command.replaceAll("READY", `: >${ready}`), "", (how) => (end = how));
    assert.ok(await until(() => existsSync(ready), 5000));
    rmSync(ready);
    end!();
    end!(); // a second time has no effect
    return (await status).status;
  }
  const child = () => Number(readFileSync(join(dir, "child"), "utf8"));

  /** Waits until the last background process leads a session: field 6 of its stat is its own pid. */
  const HAS_OWN_SESSION =
    'for i in $(seq 1000); do set -- $(cat /proc/$!/stat); [ "$6" = $! ] && break; sleep 0.01; done';

  it("ends on TERM, and is not waited for any longer", async () => {
    const begun = performance.now();
    assert.equal(await ended("READY; sleep 1000"), 143);
    assert.ok(performance.now() - begun < 4000, "nobody was killed after five seconds of kindness");
  });

  it("may clean up", async () => {
    assert.equal(await ended("trap 'exit 7' TERM; READY; for i in $(seq 6000); do sleep 0.01; done"), 7);
  });

  it("takes along a child that ignores TERM, even if the shell has ended long ago", async () => {
    const deaf = `sh -c "trap '' TERM; echo \\$\\$ >${dir}/child; READY; for i in \\$(seq 600); do sleep 0.1; done" & wait`;
    assert.equal(await ended(deaf), 143);
    assert.equal(isAlive(child()), false);
  });

  it("does not affect a process in its own session", async () => {
    const own = `setsid sleep 1000 & echo $! >${dir}/child; ${HAS_OWN_SESSION}; READY; wait`;
    assert.equal(await ended(own), 143);
    assert.ok(isAlive(child()));
    process.kill(child(), "SIGKILL");
  });
}

/** A zombie counts as dead: an orphan's new parent may take a while to reap it. */
function isAlive(pid: number): boolean {
  try {
    return !/^State:\tZ/m.test(readFileSync(`/proc/${pid}/status`, "utf8"));
  } catch {
    return false;
  }
}
