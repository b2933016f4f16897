// Tests the files that our package installs in /etc: `knockctl check` warns only of the sequences, which are public.
import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, describe, it } from "node:test";
import { readConfig } from "../src/config/read.ts";
import { lintDefaults, readDefaults } from "../src/lint/defaults-file.ts";
import { lint } from "../src/lint/lint.ts";
import { lintSandbox } from "../src/lint/sandbox.ts";
import { Unit } from "../src/lint/systemd-unit.ts";
import type { Snapshot } from "../src/platform/native.ts";
import { repo } from "./live/wire.ts";

const ports = { listening: { tcp: [22], udp: [] }, ephemeral: { low: 32_768, high: 60_999 } };
const interfaces: Snapshot = {
  links: [{ index: 2, name: "eth0", up: true }],
  addresses: [{ index: 2, address: "2001:db8::5" }],
  defaults: [],
};
const defaults = { file: "/nonexistent", lines: [], options: [] };

describe("an unchanged", () => {
  const dir = mkdtempSync(join(tmpdir(), "package-config-"));
  after(() => rmSync(dir, { recursive: true }));

  for (const brought of ["packaging/debian/knockd.conf", "knockd.conf.example"]) {
    const file = join(dir, "knockd.conf");
    const write = () => {
      const text = readFileSync(join(repo, brought), "utf8");
      // The package installs the helper; iptables need not be installed here.
      const programs = text.replaceAll("/usr/sbin/knock_helper_ipt.sh", "true").replace(/\/sbin\/(?=ip6?tables)/g, "");
      writeFileSync(file, programs, { mode: 0o640 });
    };

    it(`${brought}: causes warnings only about its sequences, and about all of them`, async () => {
      write();
      const findings = (await lint(file, { interfaces, ports, defaults })).filter((one) => one.lint !== "no-program");
      const why = ({ text }: { text: string }) =>
        /\[(\w+)\] its sequence is easily found: it is printed in the manuals/.exec(text)?.[1];
      const doors = readConfig(file).doors.map(({ name }) => name);
      assert.deepEqual(findings.map(why), doors);
    });

    it(`${brought}: nothing in it is refused by the package's unit`, () => {
      write();
      const unit = new Unit([readFileSync(join(repo, "systemd/knockd.service"), "utf8")]);
      assert.deepEqual(lintSandbox(readConfig(file), unit), []);
    });
  }

  it("/etc/default/knockd: causes no finding, however this system starts knockd", () => {
    const brought = readDefaults(join(repo, "packaging/debian/defaults"));
    for (const isSystemd of [true, false])
      for (const isEnabled of [true, false]) assert.deepEqual(lintDefaults(brought, { isSystemd, isEnabled }), []);
  });
});
