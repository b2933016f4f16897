// Generated doors and knockers: few ports, few addresses, much overlap, so that everything meets everything.
import fc from "fast-check";
import type { Segment, TcpFlag } from "./frame.ts";

export type Knocked = Required<Omit<Segment, "payload" | "protocol">> & { at: number; protocol: "tcp" | "udp" };

export interface Scene {
  /** The text of a knockd.conf. */
  readonly config: string;
  readonly packets: readonly Knocked[];
}

const FLAGS: readonly TcpFlag[] = ["fin", "syn", "rst", "psh", "ack", "urg"];
const port = fc.integer({ min: 7000, max: 7004 });
const knock = fc.record({ port, protocol: fc.constantFrom("tcp", "tcp", "udp") });
const flags = fc.uniqueArray(fc.constantFrom(...FLAGS), { minLength: 1, maxLength: 3 });
const wanted = fc.option(
  fc.uniqueArray(fc.tuple(fc.boolean(), fc.constantFrom(...FLAGS)), {
    minLength: 1,
    maxLength: 2,
    selector: ([, f]) => f,
  }),
);
const door = fc.record({
  sequence: fc.array(knock, { minLength: 1, maxLength: 4 }),
  flags: fc.oneof({ arbitrary: wanted, weight: 1 }, { arbitrary: fc.constant([[true, "syn"] as const]), weight: 2 }),
  target: fc.boolean().map((own) => (own ? undefined : "10.77.0.9")),
});

/** A source walks through a door's sequence, now and then with a mistake, or knocks at random. */
function walk(
  doors: readonly { sequence: readonly { port: number; protocol: string }[] }[],
  sources: readonly string[],
) {
  const segmentOf = (
    source: string,
    { port, protocol }: { port: number; protocol: string },
    given: readonly TcpFlag[],
  ) => ({
    source,
    port,
    protocol: protocol as "tcp" | "udp",
    flags: given,
  });
  const source = fc.constantFrom(...sources);
  const right = fc
    .tuple(source, fc.nat(doors.length - 1), fc.nat(4), fc.boolean())
    .map(([from, number, missing, whole]) =>
      doors[number]!.sequence.filter((_, index) => whole || index !== missing).map((one) =>
        segmentOf(from, one, ["syn"]),
      ),
    );
  const wrong = fc.tuple(source, knock, flags).map(([from, one, given]) => [segmentOf(from, one, given)]);
  return fc.oneof({ arbitrary: right, weight: 3 }, { arbitrary: wrong, weight: 1 });
}

export interface SceneOptions {
  /** Source addresses, IPv4 or IPv6. */
  readonly sources: readonly string[];
  /** Of the one who listens. */
  readonly own: { readonly ipv4: string; readonly ipv6: string };
  readonly mostWalks: number;
  /** Seconds between two packets. */
  readonly gap: number;
  readonly seqTimeout: number;
  /** Are segments sent again, and knocks from a new port? */
  readonly again: boolean;
}

export function scene({ sources, own, mostWalks, gap, seqTimeout, again }: SceneOptions): fc.Arbitrary<Scene> {
  return fc.array(door, { minLength: 1, maxLength: 4 }).chain((doors) =>
    fc.array(walk(doors, sources), { minLength: Math.ceil(mostWalks / 2), maxLength: mostWalks }).chain((walks) => {
      const steps = walks.flat();
      return fc.array(fc.nat(9), { minLength: steps.length, maxLength: steps.length }).map((dice) => {
        const packets: Knocked[] = [];
        steps.forEach((step, index) => {
          const ipv6 = step.source.includes(":");
          const to =
            !ipv6 && doors.some((one) => one.target) && dice[index]! < 3 ? "10.77.0.9" : ipv6 ? own.ipv6 : own.ipv4;
          const fresh = {
            at: packets.length * gap,
            from: step.source,
            to,
            port: step.port,
            protocol: step.protocol,
            flags: step.flags,
            sourcePort: 20_000 + packets.length,
            seq: 1_000 * (packets.length + 1),
          };
          packets.push(fresh);
          const times = () => packets.length * gap;
          if (again && dice[index] === 9) packets.push({ ...fresh, at: times() });
          if (again && dice[index] === 8) packets.push({ ...fresh, at: times(), sourcePort: 50_000 + packets.length });
        });
        return { config: doors.map((one, number) => section(one, number, seqTimeout)).join(""), packets };
      });
    }),
  );
}

function section(
  one: {
    sequence: readonly { port: number; protocol: string }[];
    flags: readonly (readonly [boolean, string])[] | null;
    target: string | undefined;
  },
  number: number,
  seqTimeout: number,
): string {
  const lines = [
    `[door${number}]`,
    `  sequence = ${one.sequence.map(({ port, protocol }) => `${port}:${protocol}`).join(",")}`,
    `  seq_timeout = ${seqTimeout}`,
    `  command = echo door${number} %IP% >> $KNOCK_LOG`,
  ];
  if (one.flags) lines.push(`  tcpflags = ${one.flags.map(([set, flag]) => (set ? flag : `!${flag}`)).join(",")}`);
  if (one.target) lines.push(`  target = ${one.target}`);
  return `${lines.join("\n")}\n`;
}
