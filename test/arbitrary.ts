// Generates doors and knockers with few ports and few addresses, so that they overlap in every way.
import fc from "fast-check";
import type { TcpFlag } from "./frame.ts";
import type { Sent } from "./story.ts";

export type Knocked = Sent & { at: number };

export interface Scene {
  /** The text of a knockd.conf. */
  readonly config: string;
  readonly packets: readonly Knocked[];
}

const FLAGS: readonly TcpFlag[] = ["fin", "syn", "rst", "psh", "ack", "urg"];
const port = fc.integer({ min: 7000, max: 7004 });
const knockProtocol = fc.constantFrom("tcp" as const, "tcp" as const, "udp" as const);
const knock = fc.record({ port, protocol: knockProtocol });
const flags = fc.uniqueArray(fc.constantFrom(...FLAGS), { minLength: 1, maxLength: 3 });
const wanted = fc.option(
  fc.uniqueArray(fc.tuple(fc.boolean(), fc.constantFrom(...FLAGS)), {
    minLength: 1,
    maxLength: 2,
    selector: ([, f]) => f,
  }),
);
/** A port that no door uses, at which a server listens. */
export const LISTENING = 7011;
const stray = fc.record({ port: fc.integer({ min: 7005, max: LISTENING }), protocol: knockProtocol });
/** Lines of a door's section: numbers of strays and seconds that a short scene can reach. */
const policy = fc
  .record({
    Max_Strays: fc.integer({ min: 0, max: 5 }),
    Strict: fc.constantFrom("no", "no", "no", "yes"),
    Ban_Time: fc.integer({ min: 0, max: 4 }),
    Seq_Cooldown: fc.integer({ min: 0, max: 4 }),
  })
  .map((lines) => Object.entries(lines).map(([name, value]) => `  ${name} = ${value}`));

/** Random hop limits: most packets come from the same distance, some from a nearer router, some from elsewhere. */
const TTLS = [63, 128, 50];

const door = {
  sequence: fc.array(knock, { minLength: 1, maxLength: 4 }),
  flags: fc.oneof({ arbitrary: wanted, weight: 1 }, { arbitrary: fc.constant([[true, "syn"] as const]), weight: 2 }),
  target: fc.boolean().map((own) => (own ? undefined : "10.77.0.9")),
};

/** A source knocks a door's sequence, sometimes with a mistake, knocks at random, or scans. */
function walk(
  doors: readonly { sequence: readonly { port: number; protocol: string }[] }[],
  sources: readonly string[],
  strays: boolean,
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
  // Other ports between the first knock and the others. Then perhaps the sequence, or all of it, once more.
  const scanning = fc
    .tuple(source, fc.nat(doors.length - 1), fc.array(stray, { minLength: 1, maxLength: 6 }), fc.nat(2))
    .map(([from, number, others, again]) => {
      const { sequence } = doors[number]!;
      const [first, ...rest] = sequence;
      const scan = [first!, ...others, ...rest];
      const more = [[], sequence, [...scan, ...sequence]][again]!;
      return [...scan, ...more].map((one) => segmentOf(from, one, ["syn"]));
    });
  return fc.oneof(
    { arbitrary: right, weight: 3 },
    { arbitrary: wrong, weight: 1 },
    { arbitrary: scanning, weight: strays ? 2 : 0 },
  );
}

/**
 * What a client writes into its packets' headers: different each time from a system, perhaps always the same from a
 * tool.
 */
type Headers = (index: number, port: number) => { sourcePort: number; seq: number };
const ofSystem: Headers = (index) => ({ sourcePort: 20_000 + index, seq: 1_000 * (index + 1) });
const headers = fc.constantFrom<Headers[]>(
  ofSystem,
  ofSystem,
  () => ({ sourcePort: 20, seq: 0 }), // scapy
  () => ({ sourcePort: 20, seq: 7 }),
  (_, port) => ({ sourcePort: 20, seq: port }),
  (_, port) => ({ sourcePort: 30_000 + port, seq: port }),
  (_, port) => ({ sourcePort: 30_000 + port, seq: 7 }),
  (index) => ({ sourcePort: 20, seq: 1_000 * (index + 1) }), // hping3 -s 20 -k
);

export interface SceneOptions {
  /** Source addresses, IPv4 or IPv6. */
  readonly sources: readonly string[];
  /** The listening host's address. */
  readonly own: { readonly ipv4: string; readonly ipv6: string };
  readonly mostWalks: number;
  /** Seconds between two packets. */
  readonly gap: number;
  readonly seqTimeout: number;
  /** Are segments retransmitted, are knocks repeated from a new port, and are some clients' packets all alike? */
  readonly again: boolean;
  /** Do doors set Max_Strays and Cooldown? If so, there are strays, and sometimes a second passes. */
  readonly policies: boolean;
}

export function scene(options: SceneOptions): fc.Arbitrary<Scene> {
  const { sources, own, mostWalks, gap, seqTimeout, again, policies } = options;
  const doorsOf = fc.array(fc.record({ ...door, policy: policies ? policy : fc.constant([]) }), {
    minLength: 1,
    maxLength: 4,
  });
  const clients = fc.array(again ? headers : fc.constant(ofSystem), {
    minLength: sources.length,
    maxLength: sources.length,
  });
  return fc.tuple(doorsOf, clients).chain(([doors, headersOf]) =>
    fc
      .array(walk(doors, sources, policies), { minLength: Math.ceil(mostWalks / 2), maxLength: mostWalks })
      .chain((walks) => {
        const steps = walks.flat();
        return fc.array(fc.nat(9), { minLength: steps.length, maxLength: steps.length }).map((dice) => {
          const packets: Knocked[] = [];
          let passed = 0;
          steps.forEach((step, index) => {
            const ipv6 = step.source.includes(":");
            const to =
              !ipv6 && doors.some((one) => one.target) && dice[index]! < 3 ? "10.77.0.9" : ipv6 ? own.ipv6 : own.ipv4;
            const times = () => packets.length * gap + passed;
            if (policies && dice[index] === 7) passed += 1;
            const fresh = {
              at: times(),
              from: step.source,
              to,
              port: step.port,
              protocol: step.protocol,
              flags: step.flags,
              ttl: policies ? (TTLS[dice[index]!] ?? 64) : 64,
              ...headersOf[sources.indexOf(step.source)]!(packets.length, step.port),
            };
            packets.push(fresh);
            const earlier = packets.at(-2 - (packets.length % 3));
            if (again && dice[index] === 6 && earlier) packets.push({ ...earlier, at: times() });
            if (again && dice[index] === 9) packets.push({ ...fresh, at: times() });
            if (again && dice[index] === 8)
              packets.push({ ...fresh, at: times(), sourcePort: 50_000 + packets.length });
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
    policy: readonly string[];
  },
  number: number,
  seqTimeout: number,
): string {
  const lines = [
    `[door${number}]`,
    `  sequence = ${one.sequence.map(({ port, protocol }) => `${port}:${protocol}`).join(",")}`,
    `  seq_timeout = ${seqTimeout}`,
    `  command = echo door${number} %IP% >> $KNOCK_LOG`,
    ...one.policy,
  ];
  if (one.flags) lines.push(`  tcpflags = ${one.flags.map(([set, flag]) => (set ? flag : `!${flag}`)).join(",")}`);
  if (one.target) lines.push(`  target = ${one.target}`);
  return `${lines.join("\n")}\n`;
}
