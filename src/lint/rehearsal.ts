// Which doors open when a client knocks one door's sequence? Runs the daemon's own state machine to find out.

import { Attempts } from "../attempts/attempts.ts";
import type { Door } from "../config/door.ts";
import { type Packet, TCP, UDP } from "../net/packet.ts";
import { flagsMatch, TCP_FLAG_BITS } from "../net/tcp-flags.ts";

const CLIENT = { w0: 0, w1: 0, w2: 0xffff, w3: 0x0a000002 };
const HOST = { w0: 0, w1: 0, w2: 0xffff, w3: 0x0a000001 };
/** Time between two knocks, if seq_timeout allows it. Faster knocks may look like a port scan. */
const PAUSE_MS = 100;
const TTL = 64;

/** `doors`: all doors at the same address, including this one. Each knock is a new connection. */
export function opensWith(door: Door, doors: readonly Door[]): ReadonlySet<Door> {
  const attempts = new Attempts({
    isOurs: () => true,
    isStray: () => false,
    hashKey: [1, 2],
    capacity: doors.length,
  });
  attempts.setDoors(doors.map((one) => ({ door: one, targets: undefined })));
  const pause = Math.min(PAUSE_MS, (door.seqTimeout * 1000) / (door.sequence.length + 1));
  const opened = new Set<Door>();
  const note = (events: ReturnType<Attempts["expire"]>) => {
    for (const event of events) if (event.type === "open") opened.add(attempts.door(event.door.id));
  };
  const flags = flagsMatch(door.tcpFlags, TCP_FLAG_BITS.syn) ? TCP_FLAG_BITS.syn : door.tcpFlags.set;
  let now = 0;
  for (const [i, { protocol, port }] of door.sequence.entries()) {
    now += pause;
    note(attempts.expire(now));
    const isTcp = protocol === "tcp";
    const packet: Packet = {
      source: CLIENT,
      destination: HOST,
      sourcePort: 40_000 + i,
      port,
      protocol: isTcp ? TCP : UDP,
      flags: isTcp ? flags : 0,
      ttl: TTL,
      sequence: isTcp ? 1000 + i : 0,
    };
    note(attempts.knock(packet, now));
  }
  note(attempts.expire(now + PAUSE_MS));
  return opened;
}
