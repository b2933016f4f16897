// Tests knockctl client with the real daemon, the real knock and Debian's oathtool: from a config without clients to
// open doors.
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { existsSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, afterEach, before, beforeEach, describe, it } from "node:test";
import { parseClientUrl } from "../../src/codes/client-url.ts";
import { until } from "../time-limit.ts";
import { Daemon } from "./daemon.ts";
import { needsRoot, repo, Wire } from "./wire.ts";

const KNOCKCTL = join(repo, "dist/src/knockctl.js");
const KNOCK = join(repo, "dist/src/knock.js");
const CONFIG = `
[options]
  ClientsState = @shared@/state.json
[door]
  sequence = 7001,7002,7003
  Clients = @shared@/clients
  Code_Hold = 0
  start_command = echo open %IP% %CLIENT% >>@dir@/commands
  cmd_timeout = 600
  stop_command = echo close %IP% %CLIENT% >>@dir@/commands
[plain]
  sequence = 7004
  start_command = true
`;

describe("knockctl client", { skip: needsRoot }, () => {
  let wire: Wire;
  /** The config for knockctl: until the daemon has one, another config with the same clients. */
  let config = "";
  const running: Daemon[] = [];
  before(async () => {
    wire = await Wire.open();
  });
  after(() => wire?.close());
  beforeEach(() => {
    config = join(wire.dir, "knockd.conf");
    writeFileSync(config, CONFIG.replaceAll("@shared@", wire.dir), { mode: 0o600 });
  });
  afterEach(async () => {
    for (const daemon of running.splice(0)) await daemon.stop("SIGKILL");
    for (const file of ["clients", "state.json"]) rmSync(join(wire.dir, file), { force: true });
  });

  const client = (...args: string[]) =>
    wire.run("server", [process.execPath, KNOCKCTL, "client", ...args, "-c", config], { timeoutMs: 30_000 });
  async function ok(...args: string[]): Promise<string> {
    const { status, stdout, stderr } = await client(...args);
    assert.deepEqual([status, stderr], [0, ""], `${args.join(" ")}: ${stdout}`);
    return stdout;
  }
  async function refused(args: string[], why: RegExp): Promise<void> {
    const { status, stdout, stderr } = await client(...args);
    assert.deepEqual([status, stdout], [1, ""]);
    assert.match(stderr, why);
  }
  /** A new client, in the file that `knock` reads. */
  async function add(name: string, ...options: string[]): Promise<string> {
    const file = join(wire.dir, `${name}.knock`);
    rmSync(file, { force: true });
    await ok("add", name, "--door", "door", "--host", wire.server, "--file", file, ...options);
    return file;
  }
  async function knock(...args: string[]): Promise<void> {
    const { status, stderr } = await wire.run("client", [process.execPath, KNOCK, ...args], { timeoutMs: 60_000 });
    assert.deepEqual([status, stderr], [0, ""]);
  }
  async function start(): Promise<Daemon> {
    const daemon = await Daemon.start(wire, "ours", CONFIG.replaceAll("@shared@", wire.dir));
    running.push(daemon);
    config = daemon.configPath;
    return daemon;
  }
  /** Waits until that many commands have run, and returns them. */
  async function commands(daemon: Daemon, count: number): Promise<string[]> {
    await until(() => daemon.commands().length >= count, 10_000);
    return daemon.commands();
  }
  const opensFor = (name: string) => `open ${wire.client} ${name}`;

  it("adds a phone before knockd has ever run, and its code opens once", async () => {
    const file = await add("phone");
    for (const path of [file, join(wire.dir, "clients")]) assert.equal(statSync(path).mode & 0o777, 0o600);
    const { secret } = parseClientUrl(readFileSync(file, "utf8").trim()).client;
    const daemon = await start();
    const code = execFileSync("oathtool", ["--totp", "-b", secret.text("code")], { encoding: "utf8" }).trim();
    assert.equal(await ok("try", "phone", code), "The code of phone would open the door now.\n");
    await knock("--secret", file, "--code", code);
    await daemon.waitFor("OPEN SESAME");
    assert.deepEqual(await commands(daemon, 1), [opensFor("phone")]);
    const { status, stdout } = await client("try", "phone", code);
    assert.deepEqual(
      [status, stdout],
      [1, "The code is right but was already used. Each code counts once: wait for the next one.\n"],
    );
    const used = JSON.parse(await ok("list", "--json"));
    assert.deepEqual([used.client, used.from, used.openings], ["phone", wire.client, 1]);
    assert.match(await ok("list"), /^CLIENT +DOOR .*\nphone +door +code +\d{4}-/);
  });

  it("adds clients to a running knockd, which accepts them immediately: a key, an eight-digit code by UDP, and paper", async () => {
    await add("first");
    const daemon = await start();
    const files = [await add("laptop", "--key"), await add("tablet", "--digits", "8", "--udp")];
    for (const file of files) {
      await daemon.waitFor("re-reading config file");
      await knock("--secret", file);
    }
    await add("guest", "--list");
    const paper = await ok("paper", "guest", "2", "--host", wire.server);
    const [, first = ""] = /^\[ \] 0 +(.*)$/m.exec(paper) ?? [];
    await knock("-d", "200", wire.server, ...first.trim().split(/ +/));
    assert.deepEqual(await commands(daemon, 3), ["laptop", "tablet", "guest"].map(opensFor));
    assert.match(await ok("paper", "guest", "1"), /^\[ \] 1 /m, "the paper goes on behind the used line");
  });

  it("adds a client with paper codes to a knockd that has lost its record of used codes", async () => {
    await add("phone");
    rmSync(join(wire.dir, "state.json"), { force: true });
    const daemon = await start();
    await ok("add", "guest", "--door", "door", "--list");
    const paper = await ok("paper", "guest", "1", "--host", wire.server);
    const [, first = ""] = /^\[ \] 0 +(.*)$/m.exec(paper) ?? [];
    await knock("-d", "200", wire.server, ...first.trim().split(/ +/));
    assert.deepEqual(await commands(daemon, 1), [opensFor("guest")]);
  });

  it("says that a revoked client still gets in, and a new one does not, if the daemon refuses its config", async () => {
    await add("phone");
    const daemon = await start();
    const once = join(wire.dir, "once");
    writeFileSync(once, "#1,2,3\n", { mode: 0o600 });
    const text = `${readFileSync(config, "utf8")}[once]\nOne_Time_Sequences = ${once}\n`;
    for (const file of [config, join(daemon.dir, "knockd.conf")]) writeFileSync(file, text, { mode: 0o600 });
    const { status, stderr } = await client("revoke", "phone");
    assert.equal(status, 1, stderr);
    assert.match(stderr, /knockd still accepts the codes of phone: .*no more sequences left.*\nCorrect that\. Then: /);
    const added = await client("add", "guest", "--door", "door", "--list");
    assert.equal(added.status, 1);
    assert.match(added.stderr, /knockd does not accept the codes of guest yet: .*no more sequences left/);
  });

  it("revokes a client, and closes its door", async () => {
    const file = await add("phone");
    await add("other");
    const daemon = await start();
    await knock("--secret", file);
    await commands(daemon, 1);
    const said = await ok("revoke", "phone", "--close");
    assert.match(said, /^Client phone is removed from .*\nDoor door is closed for .*\.\n$/);
    assert.deepEqual(await commands(daemon, 2), [opensFor("phone"), `close ${wire.client} phone`]);
    assert.doesNotMatch(readFileSync(join(wire.dir, "clients"), "utf8"), /phone/);
    await refused(["try", "phone", "123456"], /has no client "phone" \(it has other\)/);
  });

  it("resets used codes through the running knockd", async () => {
    const file = await add("phone");
    assert.equal((await client("reset", "phone")).status, 3, "no knockd runs");
    const daemon = await start();
    await knock("--secret", file);
    await commands(daemon, 1);
    assert.equal(JSON.parse(await ok("list", "--json")).from, wire.client);
    assert.equal(await ok("reset", "phone"), "Client phone: used codes are forgotten.\n");
    const { used, from } = JSON.parse(await ok("list", "--json"));
    assert.deepEqual([used, from], [null, null]);
    await refused(["reset", "nobody"], /there is no client nobody/);
  });

  it("writes a page, and shows a client again only after a confirmation that this reveals a secret", async () => {
    await add("phone");
    const file = join(wire.dir, "page.html");
    assert.equal(await ok("page", "phone", "--host", "h.example", "-o", file), "");
    assert.match(readFileSync(file, "utf8"), /<title>Knock h\.example<\/title>/);
    assert.equal(statSync(file).mode & 0o777, 0o600);
    const { status, stderr } = await client("show", "phone");
    assert.deepEqual([status, stderr], [2, "error: required option '--secrets' not specified\n"]);
    const shown = await ok("show", "phone", "--secrets", "--host", "h.example");
    assert.match(
      shown,
      /█[\s\S]*otpauth:\/\/totp\/[\s\S]*knock h\.example on {2}[\s\S]*knockd-ng:\/\/h\.example\/door/,
    );
  });

  it("reports what is wrong, and then writes nothing", async () => {
    const on = ["--door", "door"];
    await refused(["add", "a b", ...on], /"a b" is not a client's name/);
    await refused(["add", "a", "--door", "nix"], /has no door "nix" \(it has door, plain\)/);
    await refused(["add", "a", "--door", "plain"], /door "plain" takes no codes yet\nAdd this .*:\n {4}Clients = /);
    await refused(["add", "a", ...on, "--key", "--list"], /exclude each other/);
    await refused(["add", "a", ...on, "--digits", "7"], /--digits is 6 or 8/);
    await refused(["add", "a", ...on, "--from", "here"], /"here" is not a network/);
    await refused(["add", "a", ...on, "--hours", "noon"], /"noon" is not a range of hours/);
    await refused(["add", "a", ...on, "--expires", "soon"], /"soon" is not a date/);
    await refused(["add", "a", ...on, "--file", wire.dir], /File already exists/);
    assert.equal(existsSync(join(wire.dir, "clients")), false);
    await add("a");
    await refused(["add", "a", ...on], /there is already a client "a", at door door/);
    await refused(["paper", "a", "1"], /a is a code client/);
  });
});
