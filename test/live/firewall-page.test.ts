// Tests the nft rules and the door of docs/firewall.md, unchanged, with the real nft and real knocks.
import assert from "node:assert/strict";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { block } from "../markdown.ts";
import { until } from "../time-limit.ts";
import { Daemon } from "./daemon.ts";
import { needsRoot, repo, Wire } from "./wire.ts";

const page = (name: string): string => block("docs/firewall.md", "test/live/firewall-page.test.ts", name);
const SSHD = `require("net").createServer((one) => one.end("SSH\\n")).listen(22, "::")`;

describe("docs/firewall.md, nft", { skip: needsRoot }, () => {
  let wire: Wire;
  let daemon: Daemon | undefined;
  before(async () => {
    wire = await Wire.open();
    wire.spawn("server", [process.execPath, "-e", SSHD], { stdio: "ignore" });
    assert.ok(await until(() => isOpen("10.77.0.1"), 10_000), "port 22 answers without a firewall");
    const { status, stderr } = await wire.run("server", ["sh", "-ec", page("nft")]);
    assert.deepEqual([status, stderr], [0, ""]);
    daemon = await Daemon.start(wire, "ours", page("nft-door"));
  });
  after(async () => {
    await daemon?.stop("SIGKILL");
    await wire?.close();
  });

  async function isOpen(host: string): Promise<boolean> {
    const probe = `require("net").connect(22, "${host}").on("data", () => process.exit(0)).on("error", () => process.exit(1))`;
    return (await wire.run("client", [process.execPath, "-e", probe])).status === 0;
  }

  for (const [host, client, set] of [
    ["10.77.0.1", "10.77.0.2", "knocked4"],
    ["fd77::1", "fd77::2", "knocked6"],
  ] as const) {
    it(`opens after a knock at ${host}, for 30 seconds, which the kernel counts`, async () => {
      assert.equal(await isOpen(host), false);
      const knock = join(repo, "dist/src/knock.js");
      assert.equal((await wire.run("client", [process.execPath, knock, host, "4438", "1813", "8235"])).status, 0);
      assert.ok(await until(() => isOpen(host), 10_000), "an open door");
      const { stdout } = await wire.run("server", ["nft", "list", "set", "inet", "filter", set]);
      assert.match(stdout, new RegExp(`${client} timeout 30s expires `));
    });
  }
});
