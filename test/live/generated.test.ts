// Sends generated scenes to the daemon and to Debian's knockd 0.8 on one interface: several sources of both IP
// versions, overlapping doors, all flags, both protocols. Ours must agree with the reference to the end. 0.8 must agree
// until a rule takes effect that corrects 0.8 (reference.ts notices that).
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { parseConfig } from "../../src/config/parse.ts";
import { formatAddress, parseAddress } from "../../src/net/address.ts";
import { type Scene, scene } from "../arbitrary.ts";
import { frame } from "../frame.ts";
import { Reference } from "../reference.ts";
import { toPacket } from "../story.ts";
import { Daemon } from "./daemon.ts";
import { needsRoot, Wire } from "./wire.ts";

const own = { ipv4: "10.77.0.1", ipv6: "fd77::1" };
// 0.8 refuses a config that has policies.
const base = { own, gap: 0.01, seqTimeout: 60, policies: false };
const many = {
  ...base,
  sources: ["10.77.0.2", "10.77.0.3", "10.77.4.4", "fd77::2", "fd77::3"],
  mostWalks: 40,
  again: true,
};
/** With one source at a time, corrections of 0.8 take effect less often, so 0.8 can be compared for longer. */
const one = { ...base, mostWalks: 12, again: false };

const scenes = [
  ...fc.sample(scene(many), { numRuns: 18, seed: 1813 }),
  ...fc.sample(scene({ ...one, sources: ["10.77.0.2"] }), { numRuns: 18, seed: 8235 }),
  ...fc.sample(scene({ ...one, sources: ["fd77::2"] }), { numRuns: 10, seed: 4438 }),
];

describe("generated scenes on the wire", { skip: needsRoot, concurrency: 4 }, () => {
  const compared = { ours: 0, judge: 0 };
  scenes.forEach((given, number) => {
    it(`scene ${number}: ${given.packets.length} packets`, async () => {
      const reference = imagine(given);
      const { ours, judge } = await knock(given, reference.lines.length);
      const note = `${given.config}\n${JSON.stringify(given.packets)}`;
      assert.deepEqual(ours.events, reference.lines, note);
      assert.deepEqual(ours.commands.sort(), opened(reference.lines), note);
      const upTo = reference.mended?.lines ?? reference.lines.length;
      assert.deepEqual(judge.events.slice(0, upTo), reference.lines.slice(0, upTo), `Debian's knockd 0.8\n${note}`);
      compared.ours += reference.lines.length;
      compared.judge += upTo;
    });
  });
  it("compared enough packets", () => assert.ok(compared.ours > 500 && compared.judge > 100, JSON.stringify(compared)));
});

/** 0.8 does not report strays, and its doors do not wait for them (attempts/held-openings.ts). */
const oursOf = ({ config }: Scene) => `[options]\n  Max_Strays = 0\n${config}`;

function imagine(given: Scene): Reference {
  const { packets } = given;
  const { doors } = parseConfig(oursOf(given), "knockd.conf", () => undefined);
  const resolvedDoors = doors.map((door) => ({ door, targets: door.target && [parseAddress(door.target.host)!] }));
  const reference = new Reference(resolvedDoors, {
    isOurs: (to) => Object.values(own).includes(formatAddress(to)),
    isStray: () => true,
  });
  for (const segment of packets) reference.knock(toPacket(segment), segment.at * 1000);
  return reference;
}

interface Seen {
  readonly events: string[];
  readonly commands: string[];
}

async function knock(given: Scene, lines: number): Promise<{ ours: Seen; judge: Seen }> {
  const wire = await Wire.open();
  try {
    const [ours, judge] = await Promise.all([
      Daemon.start(wire, "ours", oursOf(given)),
      Daemon.start(wire, "judge", given.config),
    ]);
    await wire.send(given.packets.map((segment) => ({ at: segment.at, frame: frame(segment) })));
    // A knock at another door shows that everything before it was processed. 0.8 checks every 50 ms.
    await new Promise((resolve) => setTimeout(resolve, 300));
    await ours.waitFor(() => see(ours).events.length >= lines).catch(() => {});
    const opens = opened(see(ours).events).length;
    await ours.waitFor(() => ours.commands().length >= opens);
    return { ours: see(ours), judge: see(judge) };
  } finally {
    await wire.close();
  }
}

function see(daemon: Daemon): Seen {
  return {
    events: daemon.lines().filter((line) => !line.includes(": running command: ")),
    commands: daemon.commands(),
  };
}

/** The commands that these lines announce. */
function opened(lines: readonly string[]): string[] {
  return lines
    .flatMap((line) => /^(\S+): (\S+): OPEN SESAME$/.exec(line)?.slice(1, 3).reverse().join(" ") ?? [])
    .sort();
}
