// Tests the ports of built-in doors, as status and check describe them.
import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, it } from "node:test";
import { lintGuards } from "../src/lint/guards.ts";
import { type Guard, guardLines, guardsHere } from "../src/setup/guards.ts";

const GATE: Guard = { kind: "gate", ports: "tcp/22", isEnabled: true, isClosed: true };
const MARK: Guard = { ...GATE, kind: "mark" };
const CLOSED = "tcp/22 is closed to clients that have not knocked";
const FAILS = "The gate fails open: without knockd's table everyone gets in";

describe("ports of built-in doors", () => {
  it("are those that this host closes, each once: not those of a Target, nor those of the user's own sets", async () => {
    const dir = mkdtempSync(join(tmpdir(), "guards-"));
    const portsOf = async (config: string) => {
      writeFileSync(join(dir, "knockd.conf"), config);
      return (await guardsHere(join(dir, "knockd.conf"))).map(({ ports }) => ports);
    };
    const door = (name: string, more: string) => `[${name}]\nsequence = 1,2,3\n${more}\n`;
    const two = door("a", "open = tcp/22") + door("b", "open = tcp/22,udp/51820");
    assert.deepEqual(await portsOf(two), ["tcp/22", "udp/51820"]);
    assert.deepEqual(await portsOf(door("c", "open = tcp/80\ntarget = 192.0.2.1")), []);
    assert.deepEqual(await portsOf(`[options]\nFirewall = set inet filter a b\n${two}`), []);
    assert.deepEqual(await portsOf("[broken\n"), []);
    rmSync(dir, { recursive: true });
  });

  it("are described as they are, and whether they fail open or closed", () => {
    for (const [guard, isHeard, said] of [
      [GATE, true, `${CLOSED}, at each boot too (knockd-gate). ${FAILS}`],
      [{ ...GATE, isEnabled: false }, true, `${CLOSED}. After a reboot it is open until knockd runs. ${FAILS}`],
      [MARK, true, `${CLOSED}, by your own firewall: it fails closed`],
      [GATE, false, "tcp/22 is closed, and no knockd is running: no client can knock"],
      [{ ...GATE, isClosed: false }, true, "tcp/22 is OPEN to all. To close it: knockctl gate close"],
      [{ ...MARK, isClosed: false }, true, "tcp/22 is OPEN to all: your own firewall accepts it"],
      [{ ...GATE, isClosed: undefined }, true, "Only root can see whether tcp/22 is closed"],
    ] as const) {
      assert.deepEqual(guardLines([guard], isHeard), [{ text: said, isOpen: guard.isClosed === false }]);
    }
  });

  it("share a line if they have the same state, and open ones come first", () => {
    const web: Guard = { ...GATE, ports: "tcp/443" };
    const mail: Guard = { ...GATE, ports: "tcp/25", isClosed: false };
    const said = guardLines([GATE, mail, web], true).map(({ text }) => text);
    assert.equal(said[0], "tcp/25 is OPEN to all. To close it: knockctl gate close");
    assert.match(said[1]!, /^tcp\/22, tcp\/443 are closed to clients that have not knocked, at each boot too /);
    assert.equal(said.length, 2);
  });

  it("cause a finding if one is open now, is open at boot, or is closed at boot without knockd", () => {
    const lints = (guard: Guard, isEnabled: boolean, isSystemd = true) =>
      lintGuards([guard], { isSystemd, isEnabled }).map(({ text, hint }) => [text, hint]);
    assert.deepEqual(lints(GATE, true), []);
    assert.deepEqual(lints({ ...GATE, isClosed: undefined }, true), [], "not root");
    assert.deepEqual(lints({ ...GATE, isEnabled: false }, false), [], "knockd is started by hand");
    assert.deepEqual(lints({ ...GATE, isClosed: false }, true), [
      ["knockd-gate.service: tcp/22 is open to all: knockd's table does not close it", "Run: knockctl gate close"],
    ]);
    assert.match(lints(GATE, false)[0]![0]!, /knockd does not start at boot: no client can knock$/);
    assert.deepEqual(lints({ ...GATE, isEnabled: false }, true), [
      [
        "knockd-gate.service: tcp/22 is open at each boot until knockd runs",
        "Run: systemctl enable knockd-gate.service",
      ],
    ]);
    assert.deepEqual(lints({ ...MARK, isEnabled: false }, true), [], "closed by the user's own firewall");
    assert.deepEqual(lints({ ...GATE, isEnabled: false }, true, false), [], "sysvinit has no such unit");
  });
});
