// Tests what a confirmation of knockctl init does to the clients file when it is interrupted after each line and rolled
// back.
import assert from "node:assert/strict";
import { execFileSync, spawnSync } from "node:child_process";
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, it } from "node:test";
import { forgetOldClients, restoreClients, writeClients, writeClientsState } from "../src/setup/clients-script.ts";
import type { Setup } from "../src/setup/plan.ts";

const OLD = "[guest]\nsecret = old\n";
const NEW = "[phone]\nsecret = new\n";
const STATE = '{"version":1}\n';
/** Systemd is replaced by a line in a file. */
const HEAD = `set -e
step() { :; }
timeout() { shift; "$@"; }
systemctl() { echo "systemctl $*" >>"$dir/called"; }
`;

describe("the clients file of a trial", () => {
  let root: string;
  let setup: Setup;
  const at = (name: string) => join(root, name);

  beforeEach(() => {
    root = mkdtempSync(join(tmpdir(), "clients script'"));
    mkdirSync(at("trial"));
    writeFileSync(at("trial/clients"), NEW);
    writeFileSync(at("trial/clients.json"), STATE);
    setup = {
      id: "0-1",
      codes: { clients: at("knockd/clients"), state: at("lib/clients.json"), isTrialState: true },
      unit: { daemon: "/usr/sbin/knockd", wasActive: true },
    } as Partial<Setup> as Setup;
  });
  afterEach(() => rmSync(root, { recursive: true }));

  function withOld(): void {
    mkdirSync(at("knockd"), { mode: 0o700 });
    writeFileSync(at("knockd/clients"), OLD, { mode: 0o600 });
  }
  const run = (script: string) =>
    spawnSync("sh", ["-c", HEAD + script], { env: { PATH: process.env.PATH, dir: at("trial") } });
  const ok = (script: string) => {
    const { status, stderr } = run(script);
    assert.equal(status, 0, `${stderr}`);
  };

  for (const had of [false, true]) {
    it(`${had ? "is unchanged" : "does not exist"} after a rollback, wherever the confirmation was interrupted`, () => {
      const lines = `${writeClients(setup)}${writeClientsState(setup)}`.split("\n");
      let ended = 0;
      for (let count = 0; count <= lines.length; count++) {
        if (had) withOld();
        if (run(lines.slice(0, count).join("\n")).status === 0) ended++;
        for (let times = 0; times < 2; times++) run(`set +e\n${restoreClients(setup)}`);
        assert.equal(existsSync(at("knockd")), had, `${count} lines`);
        if (had) {
          assert.deepEqual(readdirSync(at("knockd")), ["clients"], `${count} lines`);
          assert.equal(readFileSync(at("knockd/clients"), "utf8"), OLD, `${count} lines`);
        }
        assert.equal(existsSync(at("lib/clients.json")), false, `${count} lines`);
        for (const name of ["knockd", "lib"]) rmSync(at(name), { recursive: true, force: true });
        for (const name of readdirSync(at("trial")))
          if (!name.startsWith("clients") || name === "clients-changed") rmSync(at(`trial/${name}`));
      }
      assert.ok(ended > 10, `${ended} of ${lines.length} ran to their end`);
    });
  }

  it("has the new client at its end, is readable only by root, and leaves no copy", () => {
    withOld();
    ok(writeClients(setup) + forgetOldClients(setup));
    assert.equal(readFileSync(at("knockd/clients"), "utf8"), `${OLD}\n${NEW}`);
    assert.equal(statSync(at("knockd/clients")).mode & 0o777, 0o600);
    assert.deepEqual(readdirSync(at("knockd")), ["clients"]);
  });

  it("keeps the codes used in the trial after its knockd has ended, but never replaces an existing file", () => {
    ok(writeClientsState(setup));
    assert.equal(readFileSync(at("trial/called"), "utf8"), "systemctl stop knockd\n");
    assert.equal(readFileSync(at("lib/clients.json"), "utf8"), STATE);
    assert.equal(statSync(at("lib/clients.json")).mode & 0o777, 0o600);
    writeFileSync(at("lib/clients.json"), "mine");
    assert.equal(run(writeClientsState(setup)).status, 1);
    assert.equal(readFileSync(at("lib/clients.json"), "utf8"), "mine");
  });

  it("is not touched for a door with a sequence, and without systemd no used codes are kept", () => {
    const none = { ...setup, codes: undefined };
    assert.equal(
      [writeClients, writeClientsState, forgetOldClients, restoreClients].map((part) => part(none)).join(""),
      "",
    );
    assert.equal(writeClientsState({ ...setup, unit: undefined }), "");
    assert.equal(writeClientsState({ ...setup, codes: { ...setup.codes!, isTrialState: false } }), "");
    assert.match(execFileSync("sh", ["-nc", writeClients(setup) + restoreClients(setup)], { encoding: "utf8" }), /^$/);
  });
});
