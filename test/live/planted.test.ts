// Tests that knockd follows, runs and obeys nothing that another user has left at the paths that it uses in /tmp.
import assert from "node:assert/strict";
import {
  chmodSync,
  existsSync,
  lchownSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { after, afterEach, before, describe, it } from "node:test";
import { dueIn, LEDGER_HEAD, openLine, parseLedger } from "../../src/doors/ledger-entry.ts";
import { frame } from "../frame.ts";
import { Daemon } from "./daemon.ts";
import { needsRoot, Wire } from "./wire.ts";

const ATTACKER = 4242;

describe("files that another user has put into /tmp", { skip: needsRoot }, () => {
  let wire: Wire;
  let sequence = 0;
  let shared: string;
  let secret: string;
  const running: Daemon[] = [];

  before(async () => {
    wire = await Wire.open();
  });
  after(() => wire?.close());
  afterEach(async () => {
    for (const daemon of running.splice(0)) await daemon.stop("SIGKILL");
  });

  function share(name: string): void {
    shared = join(wire.dir, name);
    secret = join(wire.dir, `secret-${name}`);
    mkdirSync(shared);
    chmodSync(shared, 0o1777);
    chmodSync(wire.dir, 0o755);
    writeFileSync(secret, "untouched", { mode: 0o600 });
  }
  const theirs = (path: string) => lchownSync(path, ATTACKER, ATTACKER);
  function plantFile(path: string, text = ""): void {
    writeFileSync(path, text, { mode: 0o666 });
    theirs(path);
  }
  function plantLink(path: string, target = secret): void {
    symlinkSync(target, path);
    theirs(path);
  }
  async function start(more = ""): Promise<Daemon> {
    const config = `[options]\nStateFile = ${shared}/ledger\n${more}
[door]
sequence = 7000:udp
start_command = echo start >>$KNOCK_LOG
cmd_timeout = 0
stop_command = echo stop >>$KNOCK_LOG
[long]
sequence = 7001:udp
start_command = echo long >>$KNOCK_LOG
cmd_timeout = 600
stop_command = echo stop long >>$KNOCK_LOG
`;
    const daemon = await Daemon.start(wire, "ours", config);
    running.push(daemon);
    return daemon;
  }
  async function knock(port: number): Promise<void> {
    const { client: from, server: to } = wire;
    const sourcePort = 20_000 + (++sequence % 30_000);
    await wire.send([{ at: 0, frame: frame({ from, to, protocol: "udp", port, sourcePort }) }]);
  }
  const untouched = () => {
    const { mode, uid } = lstatSync(secret);
    assert.deepEqual([readFileSync(secret, "utf8"), mode & 0o777, uid], ["untouched", 0o600, 0]);
  };

  const entry = (stopCommand: string) =>
    LEDGER_HEAD + openLine({ id: 1, door: "door", ip: "10.77.0.2", stopCommand, commandTimeout: 0, due: dueIn(-1) });
  const ledgers: [what: string, plant: (path: string, text: string) => void][] = [
    ["a ledger", (path, text) => plantFile(path, text)],
    [
      "a link to a ledger",
      (path, text) => {
        plantFile(`${path}.his`, text);
        plantLink(path, `${path}.his`);
      },
    ],
    [
      "a ledger of root's that all may write",
      (path, text) => {
        writeFileSync(path, text);
        chmodSync(path, 0o666);
      },
    ],
  ];
  for (const [what, plant] of ledgers) {
    it(`${what}: its stop command is not run, which is reported`, async () => {
      share(what.replaceAll(/\W/g, "-"));
      const proof = join(wire.dir, "proof");
      plant(`${shared}/ledger`, entry(`touch ${proof}`));
      const daemon = await start();
      assert.match(daemon.stderr, /ledger is not a ledger of open doors \((It|Other|Permission).*\): renamed to/);
      await knock(7000);
      await daemon.waitFor(() => daemon.commands().length === 2); // and overdue doors are closed before that
      assert.equal(existsSync(proof), false);
    });
  }

  it("links in place of all new files: nothing is written through them", async () => {
    share("links");
    const made = ["ledger.new", "ledger.lock", "pid", "log"];
    for (const name of made) plantLink(`${shared}/${name}`);
    for (let id = 1; id < 20; id++) plantLink(`${shared}/ledger.${id}.closing`, join(wire.dir, "nologin"));
    const daemon = await start(`LogFile = ${shared}/log\nPidFile = ${shared}/pid\n`);
    await knock(7000);
    await daemon.waitFor(() => daemon.commands().length === 2);
    await knock(7001);
    await daemon.waitFor(() => daemon.commands().length === 3);
    assert.equal(lstatSync(`${shared}/ledger`).uid, 0);
    assert.equal(parseLedger(readFileSync(`${shared}/ledger`)).length, 1);
    untouched();
    assert.equal(existsSync(join(wire.dir, "nologin")), false);
    await daemon.stop("SIGTERM");
    assert.deepEqual(daemon.commands(), ["start", "stop", "long", "stop long"]);
    untouched();
  });

  it("a link in place of the directory: no file is made where it leads", async () => {
    share("directory");
    const [target, linked] = [join(wire.dir, "target"), `${shared}/knockd`];
    mkdirSync(target);
    plantLink(linked, target);
    const config = `[options]\nStateFile = ${linked}/ledger\nLogFile = ${linked}/log\nPidFile = ${linked}/pid\n
[door]\nsequence = 7000:udp\nstart_command = echo start >>$KNOCK_LOG\ncmd_timeout = 600\nstop_command = echo stop >>$KNOCK_LOG\n`;
    const daemon = await Daemon.start(wire, "ours", config);
    running.push(daemon);
    await knock(7000);
    await daemon.waitFor(() => daemon.commands().length === 1);
    assert.match(daemon.stderr, /ledger.*knockd is a symbolic link of another user \(uid 4242\)/);
    assert.deepEqual(readdirSync(target), []);
    await daemon.stop("SIGTERM");
    assert.deepEqual([daemon.commands(), readdirSync(target)], [["start", "stop"], []]);
  });

  it("a file in place of a lock, or of a marker that a door is closed: neither counts", async () => {
    share("files");
    plantFile(`${shared}/ledger.lock`);
    writeFileSync(`${shared}/ledger`, entry(`echo closed >>${wire.dir}/closed`), { mode: 0o600 });
    plantFile(`${shared}/ledger.1.closing`);
    const daemon = await start();
    await daemon.waitFor(() => existsSync(join(wire.dir, "closed")));
    assert.match(daemon.stderr + daemon.stdout, /doors? (is|are) still open from an earlier run/);
  });
});
