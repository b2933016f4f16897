// Tests a door with codes while nmap sweeps all ports of its host: no scan opens the door, and a client still gets in.
import assert from "node:assert/strict";
import { after, afterEach, before, describe, it } from "node:test";
import { CONFIG, client, knocks, ports, quietWindow, UNUSED } from "./code-clients.ts";
import { Daemon } from "./daemon.ts";
import { needsRoot, Wire } from "./wire.ts";

/** KNOCKD_SCANS=24 for the long form. */
const SCANS = Number(process.env.KNOCKD_SCANS ?? 3);
/** Ports a second. */
const RATE = 20_000;
const KEY = `[key]\ndoor = codes\nkind = key\nports = 20480,33792,25600,37888,30720\nsecret = ${"0123456789abcdef".repeat(4)}\n`;
/**
 * The clients that the scans meet: one of each kind. The others are honest: one for each scan, which sends its code.
 */
const MET = client(0) + client(1, "digits = 8") + client(2, "kind = list") + KEY;
const FIRST_HONEST = 3;

describe("nmap -p- in random order, while a client sends its code", { skip: needsRoot }, () => {
  let wire: Wire;
  let daemon: Daemon | undefined;
  before(async () => {
    wire = await Wire.open();
  });
  after(() => wire?.close());
  afterEach(() => daemon?.stop("SIGKILL"));

  /** Scans from its own source, so that no ban of an earlier scan applies. */
  async function scan(source: string): Promise<void> {
    const added = await wire.run("client", ["ip", "address", "add", `${source}/24`, "dev", "eth0"]);
    assert.equal(added.status, 0, added.stderr);
    const how = ["-sS", "-Pn", "-n", "-T5", "-p-", "--max-rate", `${RATE}`, "--max-retries", "0"];
    const argv = ["nmap", ...how, "-S", source, "-e", "eth0", wire.server];
    const { status, stdout, stderr } = await wire.run("client", argv, { timeoutMs: 60_000 });
    assert.equal(status, 0, stderr);
    assert.match(stdout, /Not shown: 65535 /);
  }

  /** `net` is the network of the scanners' addresses. */
  async function sweep(more: string, net: number): Promise<string> {
    const honest = Array.from({ length: SCANS }, (_, i) => `c${FIRST_HONEST + i}`);
    const text = MET + honest.map((_, i) => client(FIRST_HONEST + i)).join("");
    const config = CONFIG.replace("[codes]", `[codes]\n${more}`);
    const files = { clients: text, "clients.json": UNUSED };
    const ours = await Daemon.start(wire, "ours", config, undefined, { files });
    daemon = ours;
    for (const [i, name] of honest.entries()) {
      await quietWindow();
      const from = `10.77.0.${50 + i}`;
      const scanning = scan(`10.77.0.${net + i}`);
      // The second code is needed if earlier scans made more than Max_Guesses wrong codes.
      const [first, second] = [ports(text, name, -1), ports(text, name)];
      await wire.send([...knocks(wire, from, first, 0.05, 1), ...knocks(wire, from, second, 0.05, 2)]);
      await ours.waitFor(() => ours.commands().includes(`${name} ${from}`), 10_000);
      await scanning;
    }
    const strangers = ours.commands().filter((line) => !/^c\d+ 10\.77\.0\.[5-9]\d$/.test(line));
    assert.deepEqual(strangers, []);
    assert.equal(new Set(ours.commands()).size, SCANS);
    return ours.stdout;
  }

  const scanners = (net: number) => Array.from({ length: SCANS }, (_, i) => `10.77.0.${net + i}`);

  it(`opens nothing in ${SCANS} scans, each of which is recognised`, async () => {
    const log = await sweep("", 100);
    for (const scanner of scanners(100)) assert.ok(log.includes(`${scanner}: scan: 8 other ports touched`), log);
  });

  it(`opens nothing in ${SCANS} scans with Max_Strays = 0: three wrong codes ban each`, async () => {
    const log = await sweep("Max_Strays = 0", 150);
    assert.doesNotMatch(log, /: scan: /);
    for (const scanner of scanners(150))
      assert.match(log, new RegExp(`^${scanner}: codes: wrong code for .*, ignored for 60 seconds$`, "m"));
  });
});
