// Tests addresses of lo and of a bridge without ports, whose packets arrive at eth0: only `any` or a Target receives
// knocks there, and status lists them. Debian's knockd does not receive them either.
import assert from "node:assert/strict";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { frame } from "../frame.ts";
import { Daemon } from "./daemon.ts";
import { needsRoot, repo, Wire } from "./wire.ts";

const EVERYWHERE = ["10.77.0.1", "10.77.8.1", "10.77.8.2"] as const;
const [OWN, BRIDGE, LOOPBACK] = EVERYWHERE;
const door = (name: string, target = "") =>
  `[${name}]\nsequence = 7000\n${target && `target = ${target}\n`}command = true\n`;
/** Receives the last knock, which shows that everything before it was processed. */
const LAST = `[last]\nsequence = 7009\ntarget = ${OWN}\ncommand = true\n`;

describe("an address that another interface holds", { skip: needsRoot }, () => {
  let wire: Wire;
  let sequence = 0;

  before(async () => {
    wire = await Wire.open();
    await ip("link", "add", "br8", "type", "bridge");
    await ip("link", "set", "br8", "addrgenmode", "none", "up");
    await ip("address", "add", `${BRIDGE}/32`, "dev", "br8");
    await ip("address", "add", `${LOOPBACK}/32`, "dev", "lo");
  });
  after(() => wire?.close());

  async function ip(...args: string[]): Promise<void> {
    const { status, stderr } = await wire.run("server", ["ip", ...args]);
    assert.equal(status, 0, `ip ${args.join(" ")}: ${stderr}`);
  }
  const knock = (to: string, port: number) =>
    wire.send([{ at: 0, frame: frame({ from: wire.client, to, protocol: "tcp", port, seq: ++sequence }) }]);

  /** The addresses at which one knock opens a door. */
  async function receivesAt(daemon: Daemon): Promise<string[]> {
    const received: string[] = [];
    const opened = (isLast: boolean) =>
      daemon.lines().filter((line) => line.endsWith("OPEN SESAME") && line.includes(" last: ") === isLast).length;
    for (const [i, to] of EVERYWHERE.entries()) {
      const before = opened(false);
      await knock(to, 7000);
      await knock(OWN, 7009);
      await daemon.waitFor(() => opened(true) === i + 1);
      if (opened(false) > before) received.push(to);
    }
    return received;
  }

  it("is not captured by 0.8", async () => {
    const config = door("door") + LAST;
    const daemon = await Daemon.start(wire, "judge", config, ["-i", "eth0", "-c", "@dir@/knockd.conf", "-v"]);
    assert.deepEqual(await receivesAt(daemon), [OWN]);
    await daemon.stop();
  });

  for (const [name, interfaces, config, received, listed] of [
    ["receives no knocks, and is listed", "eth0", door("door"), [OWN], `${LOOPBACK} (lo), ${BRIDGE} (br8)`],
    ["receives knocks with any", "any", door("door"), EVERYWHERE, undefined],
    ["receives knocks with a Target of every door", "eth0", door("door", BRIDGE), [BRIDGE], undefined],
    [
      "receives knocks with a Target of one",
      "eth0",
      door("door", BRIDGE) + door("own"),
      [OWN, BRIDGE],
      `${LOOPBACK} (lo)`,
    ],
  ] as const) {
    it(name, async () => {
      const args = ["-i", interfaces, "-c", "@dir@/knockd.conf", "-v"];
      const daemon = await Daemon.start(wire, "ours", config + LAST, args, { ready: `listening on ${interfaces}...` });
      assert.deepEqual(await receivesAt(daemon), received);
      const ask = [process.execPath, join(repo, "dist/src/knockctl.js"), "status", "-c", daemon.configPath];
      const { status, stdout } = await wire.run("server", ask);
      const [, sentence] =
        /^No door receives knocks at (.*)\. To\s+receive\s+them:\s+Interface\s+=\s+any,\s+or\s+a\s+Target$/m.exec(
          stdout,
        ) ?? [];
      assert.deepEqual([status, sentence], [0, listed], stdout);
      const json = (await wire.run("server", [...ask, "--json"])).stdout.trimEnd().split("\n");
      const uncovered = json.map((line) => JSON.parse(line)).filter(({ type }) => type === "unheard");
      const parts = uncovered.map((one) => `${one.addresses} (${one.interface})`);
      assert.deepEqual(parts, listed?.split(", ") ?? []);
      await daemon.stop();
    });
  }
});
