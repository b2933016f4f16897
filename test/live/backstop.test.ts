// Tests the table behind a gate that has no owner, as on kernels before 6.9: who gets in beside it, and what it does while
// the gate is gone.
import assert from "node:assert/strict";
import type { ChildProcess } from "node:child_process";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { firewallScript } from "../../src/setup/firewall-script.ts";
import { until } from "../time-limit.ts";
import { connect, nft, serve } from "./gate-wire.ts";
import { needsRoot, repo, Wire } from "./wire.ts";

const STRANGER = "10.77.0.3";
const STRANGER6 = "fd77::3";

describe("the backstop of a gate without an owner", { skip: needsRoot }, () => {
  let wire: Wire;
  let gate: ChildProcess;
  let said = "";

  before(async () => {
    wire = await Wire.open();
    await wire.run("client", ["ip", "address", "add", `${STRANGER}/24`, "dev", "eth0"]);
    await wire.run("client", ["ip", "address", "add", `${STRANGER6}/64`, "dev", "eth0", "nodad"]);
    await serve(wire, [22, 80, 6005]);
    // Counts the packets whose tag has stayed.
    await nft(
      wire,
      "table inet judge { chain pre { type filter hook prerouting priority 0; meta priority != 0 counter; }; }\n",
    );
    gate = wire.spawn(
      "server",
      [process.execPath, join(repo, "dist/test/live/plain-gate.js"), wire.client, wire.client6],
      {
        stdio: ["pipe", "pipe", "inherit"],
      },
    );
    gate.stdout!.on("data", (text) => (said += text));
    await until(() => said.includes("ready"), 10_000);
  });
  after(() => wire?.close());

  const tables = async () => (await wire.run("server", ["nft", "list", "tables"])).stdout.trim().split("\n").sort();
  const OURS = ["table inet judge", "table inet knockd", "table inet knockd_backstop"];

  async function order(line: "open" | "close"): Promise<void> {
    const before = said.length;
    gate.stdin!.write(`${line}\n`);
    await until(() => said.slice(before).includes(`${line}: true`), 5000);
  }

  const program = (name: string) => [process.execPath, join(repo, `dist/src/${name}.js`)];

  /** The script with which `knockctl init` opens the port of a trial that is rolled back. */
  function trialScript(action: "open") {
    const plan = { kind: "gate", why: "", todo: undefined, place: undefined, lan: [] } as const;
    const programs = { knockd: program("knockd"), knockctl: program("knockctl") };
    const input = firewallScript(plan, 22, "/etc/knockd.conf", programs);
    return wire.run("server", ["sh", "-s", action], { input });
  }

  /** What becomes of a client that has knocked, and of a stranger, at port 22. */
  async function atTheDoor() {
    const [client, stranger] = [await connect(wire, 22), await connect(wire, 22, { from: STRANGER })];
    const from6 = { from: wire.client6 };
    return [client, await connect(wire, 22, from6), stranger, await connect(wire, 22, { from: STRANGER6 })];
  }

  it("lets in whom the gate lets in, by IPv4, IPv6 and ranges of ports, and removes the tag", async () => {
    assert.deepEqual(await tables(), OURS);
    assert.deepEqual(await atTheDoor(), ["in", "in", "refused", "refused"]);
    assert.deepEqual([await connect(wire, 6005), await connect(wire, 6005, { from: STRANGER })], ["in", "refused"]);
    assert.equal(await connect(wire, 80, { from: STRANGER }), "in");
    const { stdout } = await wire.run("server", ["nft", "list", "table", "inet", "judge"]);
    assert.match(stdout, /counter packets 0 bytes 0/);
  });

  it("is shown by knockctl gate show", async () => {
    const { status, stdout } = await wire.run("server", [...program("knockctl"), "gate", "show"]);
    assert.equal(status, 0);
    assert.match(
      stdout,
      new RegExp(
        [
          "^It fails open: without its tables the ports are open to everyone\\.",
          "Table: inet knockd\\. Other programs can change it\\.",
          `Behind it, inet knockd_backstop of process ${gate.pid} keeps the ports closed\\.`,
        ].join("\n"),
        "m",
      ),
    );
  });

  it("opens and closes with the gate", async () => {
    await order("open");
    assert.deepEqual(await atTheDoor(), ["in", "in", "in", "in"]);
    await order("close");
    assert.deepEqual(await atTheDoor(), ["in", "in", "refused", "refused"]);
  });

  it("lets nobody in while the gate is gone, and cannot be removed by another process", async () => {
    gate.kill("SIGSTOP"); // so that it does not build the gate again
    await nft(wire, "delete table inet knockd\n");
    assert.deepEqual(await atTheDoor(), ["silence", "silence", "silence", "silence"]);
    assert.equal(await connect(wire, 80, { from: STRANGER }), "in");
    const { status } = await wire.run("server", ["nft", "delete", "table", "inet", "knockd_backstop"]);
    assert.notEqual(status, 0);
    const knockctl = (...words: string[]) => wire.run("server", [...program("knockctl"), "gate", ...words]);
    const shown = await knockctl("show", "tcp/22");
    assert.match(shown.stdout, /^The gate closes tcp\/22, .* to clients that have not knocked\.$/m);
    assert.equal(shown.status, 0);
    const opened = await knockctl("open");
    assert.match(opened.stderr, new RegExp(`kill -9 ${gate.pid}\\); knockctl gate open`));
    assert.equal(opened.status, 3);
    gate.kill("SIGCONT");
    await until(() => said.includes("restored 2"), 5000);
    assert.deepEqual(await atTheDoor(), ["in", "in", "refused", "refused"]);
  });

  it("keeps the script of a trial from reporting a port as open that knockd closes again", async () => {
    const { status, stderr } = await trialScript("open");
    assert.match(stderr, new RegExp(`process \\(${gate.pid}\\) owns the gate`));
    assert.equal(status, 3);
    assert.deepEqual(await atTheDoor(), ["in", "in", "refused", "refused"]);
  });

  it("goes with its process. The gate stays", async () => {
    const ended = new Promise((resolve) => gate.once("exit", resolve));
    gate.kill("SIGKILL");
    await ended;
    assert.deepEqual(await tables(), ["table inet judge", "table inet knockd"]);
    assert.deepEqual(await atTheDoor(), ["in", "in", "refused", "refused"]);
    assert.equal((await trialScript("open")).status, 0);
    assert.deepEqual(await atTheDoor(), ["in", "in", "in", "in"]);
  });
});
