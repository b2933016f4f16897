// What a door says of the codes of its clients.

import { blockSize, type Client } from "../codes/client.ts";
import { groupsOf } from "../codes/client-checks.ts";
import type { CodePolicy } from "../codes/decision.ts";
import type { PortRange } from "../net/port-range.ts";
import { ANY_FLAGS, type TcpFlags } from "../net/tcp-flags.ts";
import type { Door } from "./door.ts";

/** A code's TCP knocks are SYNs, unless the door says otherwise. */
const SYN: TcpFlags = { set: 0x02, clear: 0 };
/** Wrong codes of a day. Nobody can guess a key, so it takes more of them. */
const MAX_GUESSES = { code: 10, list: 10, key: 1000 } as const;

export function codeFlags({ tcpFlags }: Pick<Door, "tcpFlags">): TcpFlags {
  return tcpFlags.set === ANY_FLAGS.set && tcpFlags.clear === ANY_FLAGS.clear ? SYN : tcpFlags;
}

/** What the kernel has to let through for a door. */
export interface HeardPorts extends PortRange {
  readonly protocol: "tcp" | "udp";
  /** Of TCP. */
  readonly flags: TcpFlags;
}

/** The knocks of its sequence and the blocks of its clients, each block once. */
export function heardPorts(door: Pick<Door, "sequence" | "clients" | "tcpFlags">): HeardPorts[] {
  const { sequence, clients, tcpFlags } = door;
  const knocks = sequence.map(({ protocol, port }) => ({ protocol, flags: tcpFlags, low: port, high: port }));
  const blocks = groupsOf(clients).flatMap(([client]) =>
    client!.blocks.map((low) => {
      const high = low + blockSize(client!) - 1;
      return { protocol: client!.protocol, flags: codeFlags(door), low, high };
    }),
  );
  return [...knocks, ...blocks];
}

/** For the clients of one kind that share their ports. */
export function codePolicy({ policy }: Pick<Door, "policy">, [client]: readonly Client[]): CodePolicy {
  const { codeSkew: skew, codeHold: hold, maxGuesses } = policy;
  return { skew, hold, maxGuesses: maxGuesses ?? MAX_GUESSES[client!.kind] };
}
