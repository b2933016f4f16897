// Tests that knockd reads the config that knockctl init writes, with the intended meaning.
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, describe, it } from "node:test";
import { ConfigError } from "../src/config/door.ts";
import type { FirewallMode } from "../src/config/opening.ts";
import { parseConfig } from "../src/config/parse.ts";
import { formatNetwork } from "../src/net/network.ts";
import { parseSequence } from "../src/sequences/sequence.ts";
import { configText, existingConfig, isOwn, trialText, withoutDoor } from "../src/setup/door-config.ts";
import { HARDENING } from "../src/setup/hardening.ts";
import { repo } from "./live/wire.ts";

const OWN = "[options]\n\tInterface = wlan0\n\tOn_Exit = keep\n[web]\nsequence = 5151,1313,6262";
const dir = mkdtempSync(join(tmpdir(), "door-config-"));
after(() => rmSync(dir, { recursive: true }));

const door = (at?: string, mode: FirewallMode = { kind: "gate" }, allow: readonly string[] = []) => ({
  name: "openSSH",
  sequence: parseSequence("5000,7000:udp,6000"),
  seconds: 45,
  port: 2222,
  interface: at,
  mode,
  allow,
});
const parse = (text: string) => parseConfig(text, "knockd.conf", () => assert.fail());

describe("the config of a new door", () => {
  it("is complete if there was none: the system's log, default routes, and a door without a command", () => {
    const { options, doors, warnings } = parse(configText(door(), undefined));
    assert.deepEqual([options.useSyslog, options.interface, warnings], [true, "auto", []]);
    assert.equal(doors.length, 1);
    const { name, sequence, seqTimeout, tcpFlags, startCommand, stopCommand, opening } = doors[0]!;
    assert.deepEqual([name, seqTimeout, startCommand, stopCommand], ["openSSH", 15, undefined, undefined]);
    assert.deepEqual(sequence, door().sequence);
    assert.notEqual(tcpFlags.set, 0);
    assert.deepEqual(opening, { ports: [{ protocol: "tcp", low: 2222, high: 2222 }], seconds: 45, prefix6: 128 });
    assert.deepEqual(options.firewall.mode, { kind: "gate" });
  });

  it("says which firewall it is for, and which networks need no knock", () => {
    const mark = parse(configText(door(undefined, { kind: "mark", mark: 0x100000 }), undefined)).options.firewall;
    assert.deepEqual(mark.mode, { kind: "mark", mark: 0x100000 });
    const gate = parse(configText(door(undefined, undefined, ["10.0.0.0/8", "fd00::/8"]), OWN)).options.firewall;
    assert.deepEqual([gate.mode.kind, gate.allow.map(formatNetwork)], ["gate", ["10.0.0.0/8", "fd00::/8"]]);
  });

  it("has clients instead of a sequence", () => {
    const file = join(dir, "clients");
    const section = "[phone]\ndoor = openSSH\nsecret = JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP\nports = 20,24,22\n";
    writeFileSync(file, section, { mode: 0o600 });
    const text = configText({ ...door(), sequence: [], clients: file }, undefined);
    assert.doesNotMatch(text, /sequence/);
    const { options, doors, warnings } = parse(trialText(text, "/run/x/log", "/run/x/clients.json"));
    const [{ sequence, clientsFile, clients, seqTimeout, tcpFlags }] = doors as [(typeof doors)[0]];
    assert.deepEqual([sequence, clientsFile, seqTimeout, warnings], [[], file, 30, []]);
    assert.deepEqual([clients.map(({ name }) => name), options.clientsState], [["phone"], "/run/x/clients.json"]);
    assert.notEqual(tcpFlags.set, 0);
  });

  it("is appended to the existing text, and changes its interface only on request", () => {
    const text = configText(door(), OWN);
    assert.ok(text.startsWith(`${OWN}\n`));
    const { options, doors } = parse(text);
    assert.deepEqual(
      doors.map(({ name }) => name),
      ["web", "openSSH"],
    );
    assert.deepEqual([options.interface, options.useSyslog, options.onExit], ["wlan0", false, "keep"]);
    const told = configText(door("eth1"), OWN);
    assert.deepEqual([parse(told).options.interface, told.match(/.*wlan0.*/g)?.length], ["eth1", 1]);
    const same = configText(door("wlan0"), OWN);
    assert.ok(same.startsWith(`${OWN}\n`), same);
    assert.equal(same.match(/interface/gi)?.length, 1);
  });

  it("replaces a door with the same name, and keeps other doors and options", () => {
    const text = `[a]\nsequence = 1,2,3\n[ openSSH ]\nUseSyslog\nsequence = 4,5,6\n# [x]\n[b]\nsequence = 7,8,9\n[openSSH]\nsequence = 1\n`;
    const { options, doors } = parse(withoutDoor(text, "openSSH"));
    assert.deepEqual([options.useSyslog, doors.map(({ name }) => name)], [true, ["a", "b"]]);
    assert.equal(withoutDoor(OWN, "other"), OWN);
  });

  it("has its own log during the trial, and closes what it has opened", () => {
    const { options, doors } = parse(
      trialText(configText(door(), `${OWN}\n[options]\nLogFile = /var/log/x\nLogFormat = json`), "/run/x/log"),
    );
    assert.deepEqual(
      [options.logFile, options.logFormat, options.onExit, doors.length],
      ["/run/x/log", "text", "close", 2],
    );
  });

  it("keeps what users have written, and nothing of the package's example", () => {
    const file = join(dir, "knockd.conf");
    assert.equal(existingConfig(file), undefined);
    for (const [text, own] of [
      [OWN, true],
      [readFileSync(join(repo, "knockd.conf.example"), "latin1"), false],
      [`${readFileSync(join(repo, "knockd.conf.example"), "latin1")}# edited\n`, true],
      ["[options]\n", false],
    ] as const) {
      writeFileSync(file, text, "latin1");
      assert.equal(isOwn(existingConfig(file)!), own, text);
    }
    writeFileSync(file, Buffer.from([0x23, 0xe9, 0x0a]));
    assert.deepEqual(Buffer.from(existingConfig(file)!.text, "latin1"), Buffer.from([0x23, 0xe9, 0x0a]));
    writeFileSync(file, "nonsense\n");
    assert.throws(() => existingConfig(file), ConfigError);
  });

  it("does not block on a fifo, and names what is in the config's place", () => {
    const fifo = join(dir, "fifo");
    execFileSync("mkfifo", [fifo]);
    assert.throws(() => existingConfig(fifo), { message: `${fifo}: Not a regular file` });
    assert.throws(() => existingConfig(dir), { message: `${dir}: Is a directory` });
  });
});

describe("the drop-in for doors without a command", () => {
  it("is the same as in the examples", () => {
    assert.equal(HARDENING, readFileSync(join(repo, "examples/knockd-built-in.conf"), "utf8"));
  });
});
