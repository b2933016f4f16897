// A story: config, packets, expected lines and commands in one file, whose first comment is the sentence that it
// proves. Where 0.8 behaves differently (Mend), `log of 0.8` and `commands of 0.8` say how.
//
//   # the sentence
//   -- knockd.conf --            the config; `@dir@` is the story's own directory
//   -- FILE --                   any other file beside it
//   -- packets --                SECONDS FROM > TO:PORT PROTOCOL [flags…] [from PORT] [seq N]   or   SECONDS end
//   -- log --                    the lines in their order
//   -- commands --               what ran, in its order

import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Door } from "../src/config/door.ts";
import { parseConfig } from "../src/config/parse.ts";
import { formatAddress, isHostAddress, parseAddress } from "../src/net/address.ts";
import { type Packet, TCP, UDP } from "../src/net/packet.ts";
import { TCP_FLAG_BITS } from "../src/net/tcp-flags.ts";
import { OpenPorts } from "../src/replay/open-ports.ts";
import { Simulation } from "../src/replay/simulation.ts";
import { nextOneTime, strikeOut } from "../src/sequences/one-time-file.ts";
import type { Segment, TcpFlag } from "./frame.ts";

export interface Told {
  readonly log: readonly string[];
  readonly commands: readonly string[];
}

/** A segment of a test. Everything is given but its TTL. */
export type Sent = Required<Omit<Segment, "payload" | "protocol" | "ttl">> & {
  protocol: "tcp" | "udp";
  ttl?: number;
};

export interface Story {
  readonly sentence: string;
  readonly config: string;
  readonly files: Readonly<Record<string, string>>;
  readonly packets: readonly (Sent & { at: number })[];
  /** Seconds. */
  readonly end: number;
  readonly expected: Told;
  /** What 0.8 does, if that differs. */
  readonly of08: Told | undefined;
}

export function parseStory(text: string): Story {
  const [head = "", ...parts] = text.split(/^-- (.+) --\n/m);
  const sections = new Map<string, string>();
  for (let i = 0; i < parts.length; i += 2) sections.set(parts[i]!, parts[i + 1]!);
  const take = (name: string) => {
    const section = sections.get(name);
    sections.delete(name);
    return section;
  };
  const lines = (name: string) =>
    take(name)
      ?.split("\n")
      .filter((line) => line !== "");
  const config = take("knockd.conf")!;
  const timeline = lines("packets")!.map(parsePacket);
  const expected = { log: lines("log") ?? [], commands: lines("commands") ?? [] };
  const [log08, commands08] = [lines("log of 0.8"), lines("commands of 0.8")];
  const packets = timeline.flatMap((one) => (one.packet ? [{ ...one.packet, at: one.at }] : []));
  return {
    sentence: head.replace(/^# /gm, "").trim().replace(/\n/g, " "),
    config,
    files: Object.fromEntries(sections),
    packets,
    end: timeline.at(-1)!.at + (timeline.at(-1)!.packet ? 0.3 : 0),
    expected,
    of08: log08 || commands08 ? { log: log08 ?? expected.log, commands: commands08 ?? expected.commands } : undefined,
  };
}

const PACKET =
  /^(?<at>[\d.]+) +(?:end|(?<from>\S+) > (?<to>\S+):(?<port>\d+) (?<protocol>tcp|udp)(?<flags>(?: (?:fin|syn|rst|psh|ack|urg))*)(?: from (?<sourcePort>\d+))?(?: seq (?<seq>\d+))?)$/;

/**
 * Each packet has a different source port and sequence number, unless the story gives them, so nothing is a
 * retransmission.
 */
function parsePacket(line: string, index: number): { at: number; packet?: Sent } {
  const found = PACKET.exec(line)?.groups;
  if (!found) throw new Error(`not a packet: ${line}`);
  const at = Number(found.at);
  if (found.from === undefined) return { at };
  return {
    at,
    packet: {
      from: found.from,
      to: found.to!,
      port: Number(found.port),
      protocol: found.protocol as "tcp" | "udp",
      flags: (found.flags ?? "").split(" ").filter((flag) => flag !== "") as TcpFlag[],
      sourcePort: Number(found.sourcePort ?? 40_000 + index),
      seq: Number(found.seq ?? 1000 * (index + 1)),
    },
  };
}

/** What would be sent on the wire for it. */
export function toPacket(segment: Sent): Packet {
  const tcp = segment.protocol === "tcp";
  return {
    source: parseAddress(segment.from)!,
    destination: parseAddress(segment.to)!,
    sourcePort: segment.sourcePort,
    port: segment.port,
    protocol: tcp ? TCP : UDP,
    flags: tcp ? segment.flags.reduce((bits, flag) => bits | TCP_FLAG_BITS[flag as keyof typeof TCP_FLAG_BITS], 0) : 0,
    ttl: segment.ttl ?? 64,
    sequence: tcp ? segment.seq : 0,
  };
}

/** Runs a story in memory, in simulated time. `own` are the addresses of the listening host. */
export async function replay(story: Story, own: readonly string[]): Promise<Told> {
  const dir = mkdtempSync(join(tmpdir(), "story-"));
  try {
    for (const [name, text] of Object.entries(story.files)) writeFileSync(join(dir, name), text);
    const config = parseConfig(story.config.replaceAll("@dir@", dir), "knockd.conf", nextOneTime);
    return await play(story, config.doors, new Set(own));
  } finally {
    rmSync(dir, { recursive: true });
  }
}

async function play(story: Story, doors: readonly Door[], own: ReadonlySet<string>): Promise<Told> {
  const log: string[] = [];
  const commands: string[] = [];
  const simulation = new Simulation({
    resolvedDoors: doors.map((door) => ({ door, targets: door.target && [parseAddress(door.target.host)!] })),
    isOurs: (to) => own.has(formatAddress(to)),
    isClient: (source) => isHostAddress(source) && !own.has(formatAddress(source)),
    openPorts: new OpenPorts(),
    oneTimeFiles: { nextOneTime, strikeOut }, // crossed out at once: in simulated time nothing waits for a disk
    mayDuplicate: false,
    said: (line) => void log.push(line),
    ran: (command) => void commands.push(/^echo (.*?)(?: >> \$KNOCK_LOG)?$/.exec(command)![1]!),
  });
  await simulation.advanceTo(0);
  for (const segment of story.packets) {
    await simulation.knock({ ...toPacket(segment), length: 60, time: segment.at });
  }
  await simulation.advanceTo(story.end);
  return { log, commands };
}

/** The stories of test/stories, by file name. */
export function readStory(path: string): Story {
  return parseStory(readFileSync(path, "utf8"));
}
