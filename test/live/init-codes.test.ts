// Tests knockctl init for a door that opens by the codes of an authenticator, with Debian's oathtool as the phone.
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { afterEach, beforeEach, describe, it } from "node:test";
import { parseClients } from "../../src/codes/clients-file.ts";
import { emptyStates } from "../../src/setup/new-client.ts";
import { Host, OWN, SOON, until } from "./host.ts";
import { Terminal } from "./terminal.ts";
import { needsRoot, repo } from "./wire.ts";

const OTHER = "[phone]\n    door    = other\n    secret  = JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP\n    ports   = 20,24,22\n";

/** The secret that the phone has scanned. */
interface Phone {
  readonly secret: string;
  readonly hundreds: readonly string[];
}

describe("knockctl init with codes", { skip: needsRoot }, () => {
  let host: Host;
  beforeEach(async () => {
    host = await Host.open();
  });
  afterEach(() => host?.close());

  const clientsFile = () => join(dirname(host.config), "knockd/clients");

  /** Read from what init prints, as a person would. */
  function scanned(said: string): Phone {
    const secret = /^Or type the secret into the app: ([A-Z2-7 ]+)$/m.exec(said)![1]!.replaceAll(" ", "");
    const hundreds = /on {2}(\d+)·· (\d+)·· (\d+)··$/m.exec(said)!.slice(1);
    return { secret, hundreds };
  }

  /** `later`: windows after now. */
  function code({ secret }: Phone, later = 0): string {
    const at = `@${Math.floor(Date.now() / 1000) + 30 * later}`;
    return execFileSync("oathtool", ["-b", "--totp", "-N", at, secret], { encoding: "utf8" }).trim();
  }

  const ports = (phone: Phone, later = 0) =>
    code(phone, later)
      .match(/../g)!
      .map((digits, i) => String(Number(`${phone.hundreds[i]}${digits}`)));

  const start = (said: string) => host.ok(/^Start knockd: (.+)$/m.exec(said.replaceAll("\r", ""))![1]!);

  /** The output of a trial whose door has opened. */
  async function opened(...words: readonly string[]): Promise<Phone> {
    const { stdout } = await host.begun("--codes", "--timeout", "3600", ...words);
    await start(stdout);
    const phone = scanned(stdout);
    await host.opensTo(ports(phone));
    return phone;
  }

  it("opens after a code of oathtool; once confirmed, the config and the clients file accept the next one", async () => {
    const state = join(host.wire.dir, "clients.json");
    writeFileSync(host.config, OWN.replace("[options]\n", `[options]\n\tClientsState = ${state}\n`), "latin1");
    writeFileSync(state, emptyStates(), { mode: 0o600 });
    const phone = await opened();
    assert.equal(existsSync(dirname(clientsFile())), false, "nothing on the disk yet");
    assert.equal(statSync(host.path("/run/knockd-init/clients")).mode & 0o777, 0o600);
    const { status, stdout, stderr } = await host.knockctl("init", "--confirm");
    assert.equal(status, 0, stderr);
    assert.match(stdout, /^To add another client:\n {2}sudo knockctl client add NAME --door openSSH -c /m);
    assert.equal(statSync(clientsFile()).mode & 0o777, 0o600);
    assert.equal(statSync(dirname(clientsFile())).mode & 0o777, 0o700);
    assert.deepEqual(readdirSync(dirname(clientsFile())), ["clients"]);
    const [client] = parseClients(readFileSync(clientsFile(), "utf8"), "clients");
    assert.deepEqual([client!.name, client!.door, client!.kind], ["phone", "openSSH", "code"]);
    assert.equal(client!.secret.text("code"), phone.secret);
    assert.ok(host.conf().includes(`[openSSH]\n\tClients     = ${clientsFile()}\n\tseq_timeout = 30\n`));
    assert.doesNotMatch(host.conf(), /knockd-init/);

    await host.ok("kill $(cat /run/knockd-init/knockd.pid)");
    await until(async () => !existsSync(host.path("/run/knockd-init/knockd.pid")), "the end of the trial's daemon");
    await host.ok(
      `${process.execPath} ${join(repo, "dist/src/knockd.js")} -d -c ${host.config} -p /run/final.pid -g /run/final.log`,
    );
    await host.opensTo(ports(phone, 1));
    const log = await host.ok("cat /run/final.log");
    assert.match(log, / openSSH: code of phone accepted"/);
  });

  it("leaves nothing behind if the trial is not confirmed, or cannot be", async () => {
    const before = await host.rules();
    await host.begun("--codes", ...SOON);
    await host.rolledBack();
    assert.deepEqual(readdirSync(dirname(host.config)), []);
    await host.cleanedUp();
    assert.equal(await host.rules(), before);

    await opened();
    writeFileSync(host.config, "# somebody else's\n"); // which is noticed after the clients file is written
    const { status, stderr } = await host.knockctl("init", "--confirm");
    assert.equal(status, 1);
    assert.match(stderr, /exists now/);
    assert.deepEqual(readdirSync(dirname(host.config)), ["knockd.conf"]);
    assert.equal(host.conf(), "# somebody else's\n");
    assert.equal(existsSync(host.path("/run/knockd-init")), false);
    assert.equal(await host.rules(), before);
  });

  it("adds a client to an existing clients file, or restores the file exactly", async () => {
    mkdirSync(dirname(clientsFile()), { mode: 0o700 });
    writeFileSync(clientsFile(), OTHER, { mode: 0o600 });
    writeFileSync(host.config, OWN, "latin1");
    await opened();
    assert.match(await host.ok("cat /run/knockd-init/clients"), /^\[phone2\]$/m);
    writeFileSync(`${host.config}.mine`, OWN, "latin1");
    await host.ok(`rm ${host.config}`); // so that no copy of it can be kept
    assert.equal((await host.knockctl("init", "--confirm")).status, 1);
    assert.equal(readFileSync(clientsFile(), "utf8"), OTHER);
    assert.deepEqual(readdirSync(dirname(clientsFile())), ["clients"]);

    await host.ok(`mv ${host.config}.mine ${host.config}`);
    await opened();
    const { status, stderr } = await host.knockctl("init", "--confirm");
    assert.equal(status, 0, stderr);
    const text = readFileSync(clientsFile(), "utf8");
    assert.ok(text.startsWith(`${OTHER}\n[phone2]\n`), text);
    assert.deepEqual(readdirSync(dirname(clientsFile())), ["clients"]);
    const clients = parseClients(text, "clients");
    const overlap = clients[1]!.blocks.filter((block) => clients[0]!.blocks.includes(block));
    assert.deepEqual(overlap, []);
  });

  it("is the default at a terminal, where it shows the QR code", async () => {
    const terminal = new Terminal(host);
    await terminal.says("Which TCP port do you want to close? [22]");
    terminal.types("");
    await terminal.says("Knock with your phone's authenticator? [Y/n]");
    terminal.types("");
    await terminal.says("in without a knock? [y/N]");
    terminal.types("");
    await terminal.says("Do this now? [Y/n]");
    assert.doesNotMatch(terminal.said, /sequence|random/);
    terminal.types("");
    await terminal.says("Waiting for the knock");
    const said = terminal.said.replaceAll("\r", "");
    assert.match(said, /Scan this with an authenticator app:\n/);
    await start(said);
    await host.opensTo(ports(scanned(said)));
    await terminal.says("Keep this setup?");
    terminal.types("yes");
    await terminal.says("Confirmed: door openSSH stays");
    await terminal.says("To add another client:");
    await terminal.ended;
    assert.equal(parseClients(readFileSync(clientsFile(), "utf8"), "clients").length, 1);
  });

  it("with --dry-run shows no secret, and changes nothing", async () => {
    const { status, stdout } = await host.init("--dry-run", "--codes");
    assert.equal(status, 0);
    assert.match(stdout, /^door {7}openSSH: a code of your phone's authenticator\n {11}opens TCP port 22 /m);
    assert.match(stdout, /^client {5}phone, with a secret in .*\/etc\/knockd\/clients$/m);
    assert.match(
      stdout,
      /^\[phone\]\n {4}door {4}= openSSH\n {4}kind {4}= code\n {4}secret {2}= \(drawn when you do it\)$/m,
    );
    assert.doesNotMatch(stdout, /[A-Z2-7]{32}/);
    assert.deepEqual(readdirSync(dirname(host.config)), []);
  });

  it("can replace a sequence", async () => {
    for (const more of [["--sequence", "4"], ["--mixed"]]) {
      const { status, stderr } = await host.init("--yes", "--codes", ...more);
      assert.equal(status, 1);
      assert.match(stderr, /^knockctl: --codes takes the place of a sequence: /);
    }
    const { stdout } = await host.init("--dry-run", "--no-codes", "--sequence", "4");
    assert.match(stdout, /^door {7}openSSH: 4 random knocks$/m);
  });
});
