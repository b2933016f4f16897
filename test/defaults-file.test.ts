// Tests /etc/default/knockd: what people expect it to do, and what it does.
import assert from "node:assert/strict";
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, describe, it } from "node:test";
import { configOf, initOf, isOnlyIpv4, lintDefaults, readDefaults } from "../src/lint/defaults-file.ts";
import { repo } from "./live/wire.ts";

const dir = mkdtempSync(join(tmpdir(), "defaults-"));
after(() => rmSync(dir, { recursive: true }));
const file = join(dir, "knockd");
const given = (text: string) => {
  writeFileSync(file, text);
  return readDefaults(file);
};

const ENABLED = { isSystemd: true, isEnabled: true };
const DISABLED = { isSystemd: true, isEnabled: false };
const SYSVINIT = { isSystemd: false, isEnabled: false };

describe("START_KNOCKD", () => {
  const [KEEPS, STARTS] = ["this does not keep knockd from starting", "this does not start knockd"];
  const table: [line: string, init: typeof ENABLED, why: string | undefined, fixed?: string][] = [
    ["START_KNOCKD=1", ENABLED, undefined],
    ["START_KNOCKD=1", SYSVINIT, undefined],
    ["START_KNOCKD=1", DISABLED, STARTS],
    ["START_KNOCKD=0", ENABLED, undefined], // as the package has it
    ["START_KNOCKD=no # not yet", ENABLED, KEEPS, "START_KNOCKD=1"],
    ["START_KNOCKD=", ENABLED, KEEPS, "START_KNOCKD=1"],
    ["START_KNOCKD=0", DISABLED, undefined],
    ["START_KNOCKD=0", SYSVINIT, undefined],
    ["START_KNOCKD=no", SYSVINIT, "knockd does not start at boot"],
    ["START_KNOCKD=yes", SYSVINIT, "only the value 1 starts knockd", "START_KNOCKD=1"],
    ['START_KNOCKD="true"', ENABLED, "only the value 1 starts knockd", "START_KNOCKD=1"],
    ['START_KNOCKD="1"', SYSVINIT, undefined],
    ["START_KNOCKD = 1", SYSVINIT, "the shell that reads this line allows no spaces around =", "START_KNOCKD=1"],
    ["START_KNOCKD= 1", SYSVINIT, "the shell that reads this line allows no spaces around =", "START_KNOCKD=1"],
    ["#START_KNOCKD=0", ENABLED, undefined],
    ["OTHER=0", ENABLED, undefined],
  ];
  for (const [line, init, why, fixed] of table) {
    it(`${line}, ${init.isSystemd ? `systemd, ${init.isEnabled ? "enabled" : "disabled"}` : "sysvinit"}: ${why ?? "OK"}`, () => {
      const [finding, ...more] = lintDefaults(given(`# x\n${line}\nOTHER=1\n`), init);
      assert.deepEqual(more, []);
      if (why === undefined) return assert.equal(finding, undefined);
      assert.ok(finding!.text.startsWith(`${file}:2: ${why}`), finding!.text);
      assert.deepEqual([finding!.line, finding!.fix?.after], [2, fixed]);
    });
  }

  it("means the same as in the sysvinit script: if this says not started, the script starts nothing", () => {
    const script = readFileSync(join(repo, "packaging/debian/knockd.init"), "utf8");
    assert.match(script, /\[ "\$START_KNOCKD" != 1 \]/);
  });
});

describe("KNOCKD_OPTS", () => {
  const table: [line: string, config: string, onlyIpv4: boolean][] = [
    ["", "/etc/knockd.conf", false],
    ['KNOCKD_OPTS="-i eth1"', "/etc/knockd.conf", false],
    ['KNOCKD_OPTS="-4 -c /etc/k.conf"', "/etc/k.conf", true],
    ["KNOCKD_OPTS='--config=/etc/k.conf --only-ip-v4'", "/etc/k.conf", true],
    ['#KNOCKD_OPTS="-4"', "/etc/knockd.conf", false],
  ];
  for (const [line, config, onlyIpv4] of table) {
    it(line === "" ? "may be absent" : line, () => {
      const defaults = given(`${line}\n`);
      assert.deepEqual([configOf(defaults), isOnlyIpv4(defaults)], [config, onlyIpv4]);
    });
  }

  it("with -d hides knockd from systemd", () => {
    const defaults = given('A=1\nKNOCKD_OPTS="-d -i eth0"\n');
    assert.deepEqual(lintDefaults(defaults, SYSVINIT), []);
    assert.match(lintDefaults(defaults, ENABLED)[0]!.text, /knockd:2: with -d /);
  });
});

it("detects systemd, and whether it starts knockd, where systemctl records it", () => {
  assert.deepEqual(initOf(dir), SYSVINIT);
  mkdirSync(join(dir, "run/systemd/system"), { recursive: true });
  assert.deepEqual(initOf(dir), DISABLED);
  const wants = join(dir, "etc/systemd/system/multi-user.target.wants");
  mkdirSync(wants, { recursive: true });
  symlinkSync("/usr/lib/systemd/system/knockd.service", join(wants, "knockd.service")); // does nothing here
  assert.deepEqual(initOf(dir), ENABLED);
});

it("a fix changes its line, but nothing else of the file nor its mode, and not if the file has changed meanwhile", () => {
  const defaults = given("# a\n  START_KNOCKD=no # b\nC=\u00e4");
  chmodSync(file, 0o604);
  const { fix } = lintDefaults(defaults, ENABLED)[0]!;
  fix!.apply();
  assert.equal(readFileSync(file, "utf8"), "# a\n  START_KNOCKD=1\nC=\u00e4");
  assert.equal(statSync(file).mode & 0o777, 0o604);
  assert.throws(() => fix!.apply(), /^Error: line 2 has changed in the meantime$/);
  writeFileSync(file, "# caf\xe9\nSTART_KNOCKD=no # \xe9\n", "latin1");
  lintDefaults(readDefaults(file), ENABLED)[0]!.fix!.apply();
  assert.equal(readFileSync(file, "latin1"), "# caf\xe9\nSTART_KNOCKD=1\n");
});
