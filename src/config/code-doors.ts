// What a door's config says about the codes of its clients.

import { blockSize, type Client } from "../codes/client.ts";
import { groupsOf } from "../codes/client-checks.ts";
import type { CodePolicy } from "../codes/decision.ts";
import type { PortRange } from "../net/port-range.ts";
import { ANY_FLAGS, type TcpFlags } from "../net/tcp-flags.ts";
import type { Door } from "./door.ts";

/** The knocks of a TCP code are SYNs, unless the door sets its own flags. */
const SYN: TcpFlags = { set: 0x02, clear: 0 };
/** The default of wrong codes per day. A key cannot be guessed, so it allows more. */
const MAX_GUESSES = { code: 10, list: 10, key: 1000 } as const;

export function codeFlags({ tcpFlags }: Pick<Door, "tcpFlags">): TcpFlags {
  return tcpFlags.set === ANY_FLAGS.set && tcpFlags.clear === ANY_FLAGS.clear ? SYN : tcpFlags;
}

/** Ports whose packets the kernel must pass for a door. */
export interface KnockPorts extends PortRange {
  readonly protocol: "tcp" | "udp";
  /** Only for TCP. */
  readonly flags: TcpFlags;
}

/** The knocks of its sequence, and the blocks of its clients without repetition. */
export function knockPorts(door: Pick<Door, "sequence" | "clients" | "tcpFlags">): KnockPorts[] {
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

/** The policy for the clients of one kind that share their ports. */
export function codePolicy({ policy }: Pick<Door, "policy">, [client]: readonly Client[]): CodePolicy {
  const { codeSkew: skew, codeHold: hold, maxGuesses } = policy;
  return { skew, hold, maxGuesses: maxGuesses ?? MAX_GUESSES[client!.kind] };
}
