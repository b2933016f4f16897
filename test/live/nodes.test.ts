// Tests that one build of the addon serves Node 18 to 24 (NAPI_VERSION=8): the whole daemon runs on each of them.
import assert from "node:assert/strict";
import { existsSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { frame } from "../frame.ts";
import { until } from "../time-limit.ts";
import { needsRoot, repo, Wire } from "./wire.ts";

const CONFIG = "[door]\nsequence = 7000,8000\ntcpflags = syn\ncommand = echo open %IP%\n";

describe("one build", { skip: needsRoot }, () => {
  let wire: Wire;
  before(async () => {
    wire = await Wire.open();
  });
  after(() => wire?.close());

  for (const major of [18, 20, 22, 24]) {
    it(`opens a door on Node ${major}`, async () => {
      const node = join(repo, `build/nodes/node_modules/n${major}/bin/node`);
      assert.ok(existsSync(node), `${node} is missing: sh scripts/setup test fetches it`);
      assert.match((await wire.run("server", [node, "--version"])).stdout, new RegExp(`^v${major}\\.`));
      const config = join(wire.dir, "nodes.conf");
      writeFileSync(config, CONFIG);
      const daemon = wire.spawn("server", [node, join(repo, "dist/src/knockd.js"), "-i", "eth0", "-c", config, "-v"]);
      let said = "";
      daemon.stdout?.on("data", (chunk) => {
        said += chunk;
      });
      let errors = "";
      daemon.stderr?.on("data", (chunk) => {
        errors += chunk;
      });
      const says = async (text: string) => {
        assert.ok(await until(() => said.includes(text), 10_000), `no "${text}" in: ${said}\n${errors}`);
      };
      await says("listening on eth0...");
      const knock = (port: number) => frame({ from: "10.77.0.2", to: wire.server, protocol: "tcp", port, seq: port });
      await wire.send([7000, 8000].map((port, i) => ({ at: i / 10, frame: knock(port) })));
      await says("\nopen 10.77.0.2\n");
      const ended = new Promise<[number | null, NodeJS.Signals | null]>((done) =>
        daemon.once("exit", (status, signal) => done([status, signal])),
      );
      daemon.kill("SIGTERM");
      assert.deepEqual(await ended, [15, null]);
      assert.equal(errors, "");
    });
  }
});
