// The ports that knockctl init has closed, as status and check tell of them.
import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, it } from "node:test";
import { lintGuards } from "../src/lint/guards.ts";
import { enabledIn, type Guard, guardText } from "../src/setup/guards.ts";

const GUARD: Guard = { kind: "iptables", port: 22, isEnabled: true, isClosed: true };

describe("ports that knockctl init has closed", () => {
  it("are those of enabled units", () => {
    const dir = mkdtempSync(join(tmpdir(), "guards-"));
    try {
      for (const name of [
        "knockd.service",
        "knockd-iptables@22.service",
        "knockd-nft@443.service",
        "knockd-x@1.service",
      ]) {
        symlinkSync("/nowhere", join(dir, name));
      }
      mkdirSync(join(dir, "knockd-nft@5.service.d"));
      assert.deepEqual(enabledIn(dir), [
        { kind: "iptables", port: 22 },
        { kind: "nft", port: 443 },
      ]);
      assert.deepEqual(enabledIn(join(dir, "none")), []);
    } finally {
      rmSync(dir, { recursive: true });
    }
  });

  it("are told as they are", () => {
    for (const [packetLoop, isHeard, said] of [
      [GUARD, true, "TCP port 22 is closed to clients that have not knocked (knockd-iptables@22)"],
      [
        { ...GUARD, isEnabled: false },
        true,
        "TCP port 22 is closed to clients that have not knocked, until the next reboot",
      ],
      [GUARD, false, "TCP port 22 is closed, and no knockd is running: no client can knock"],
      [
        { ...GUARD, isClosed: false },
        true,
        "TCP port 22 is OPEN to all although knockd-iptables@22 is enabled. To close it: systemctl restart knockd-iptables@22",
      ],
      [
        { ...GUARD, isClosed: undefined },
        true,
        "TCP port 22: run this as root to see whether knockd-iptables@22 has closed it",
      ],
    ] as const) {
      assert.equal(guardText(packetLoop, isHeard), said);
    }
  });

  it("are found fault with when one is open, or closed at a boot without knockd", () => {
    const lints = (packetLoop: Guard, isEnabled: boolean) =>
      lintGuards([packetLoop], { isSystemd: true, isEnabled }).map(({ text, hint }) => [text, hint]);
    assert.deepEqual(lints(GUARD, true), []);
    assert.deepEqual(lints({ ...GUARD, isEnabled: false }, false), []);
    assert.deepEqual(lints({ ...GUARD, isClosed: undefined }, true), [], "not root");
    assert.deepEqual(lints({ ...GUARD, isClosed: false }, true), [
      [
        "/etc/systemd/system/multi-user.target.wants/knockd-iptables@22.service: TCP port 22 is open to all although this unit is enabled",
        "Run: systemctl restart knockd-iptables@22.service",
      ],
    ]);
    assert.match(lints(GUARD, false)[0]![0]!, /knockd does not start at boot: no client can knock$/);
  });
});
