// Tests the lines of docs/clients.md for Linux, unchanged: each opens a door.
import assert from "node:assert/strict";
import { mkdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { block, readPage } from "../markdown.ts";
import { Daemon } from "./daemon.ts";
import { needsRoot, repo, Wire } from "./wire.ts";

const lines = (name: string): readonly string[] =>
  block("docs/clients.md", "test/live/clients-page.test.ts", name).trimEnd().split("\n");

describe("docs/clients.md", { skip: needsRoot }, () => {
  let wire: Wire;
  let daemon: Daemon;
  let home: string;
  let env: NodeJS.ProcessEnv;
  before(async () => {
    wire = await Wire.open();
    home = join(wire.dir, "home");
    mkdirSync(join(home, ".ssh"), { recursive: true });
    mkdirSync(join(home, "bin"));
    symlinkSync(join(repo, "dist/src/knock.js"), join(home, "bin/knock"));
    env = { HOME: home, PATH: `${join(home, "bin")}:${process.env.PATH}`, XDG_CONFIG_HOME: "" };
    // Port 22 answers, so that --verify succeeds.
    wire.spawn("server", [process.execPath, "-e", `require("net").createServer().listen(22)`], { stdio: "ignore" });
    const config = "[door]\n sequence = 4438,1813,8235\n tcpflags = syn\n seq_timeout = 10\n command = true\n";
    daemon = await Daemon.start(wire, "ours", config);
  });
  after(async () => {
    await daemon?.stop("SIGKILL");
    await wire?.close();
  });

  const opened = () => daemon.stdout.split("door: OPEN SESAME\n").length - 1;

  async function type(line: string): Promise<void> {
    await wire.run("client", ["sh", "-c", line.replaceAll("HOST", wire.server)], { env, timeoutMs: 30_000 });
  }

  for (const line of [...lines("knock"), ...lines("others")]) {
    it(`opens with ${line}`, async () => {
      const before = opened();
      await type(line);
      await daemon.waitFor(() => opened() === before + 1);
    });
  }

  it("opens automatically before ssh", async () => {
    for (const line of lines("ssh")) await type(line);
    const config = join(home, ".ssh/config");
    const shown = readPage("docs/clients.md").match(/^Match host HOST exec .*$/gm)!;
    assert.equal(shown.length, 2);
    assert.ok(readFileSync(config, "utf8").includes(shown[0]!.replace("HOST", wire.server)));
    for (const line of shown) {
      writeFileSync(config, line.replace("HOST", wire.server));
      const before = opened();
      // ssh -G only reads its config: that runs the knock, but connects to nothing.
      await type(`ssh -F ${config} -G HOST`);
      await daemon.waitFor(() => opened() === before + 1);
    }
  });
});
