// The addresses of this host at which no door listens, because no selected interface has them: those of lo, of a dummy, of
// another network. Packets for them may still arrive at an interface that is listened at, where the filter drops them.

import type { ResolvedDoor } from "../config/resolved-door.ts";
import type { UnheardAddresses } from "../events/interface-status.ts";
import { formatAddress, isHostAddress, isLinkLocal } from "../net/address.ts";
import type { Snapshot } from "../platform/native.ts";
import { ANY, namesOf, ownAddresses } from "./interfaces.ts";

export interface Listening {
  /** Of interfaces.ts. */
  readonly patterns: readonly string[];
  readonly onlyIpv4: boolean;
}

/** By interface. Empty while every door has a Target: then no interface's addresses matter. */
export function unheardAddresses(
  { patterns, onlyIpv4 }: Listening,
  snapshot: Snapshot,
  resolvedDoors: readonly ResolvedDoor[],
): readonly UnheardAddresses[] {
  if (patterns.includes(ANY) || resolvedDoors.every(({ targets }) => targets !== undefined)) return [];
  const selected = new Set(patterns.flatMap((word) => namesOf(word, snapshot)));
  const heard = new Set(
    [
      ...[...selected].flatMap((name) => ownAddresses(name, snapshot, onlyIpv4).all),
      ...resolvedDoors.flatMap(({ targets }) => targets ?? []),
    ].map(formatAddress),
  );
  return snapshot.links
    .filter(({ up }) => up)
    .map(({ name }) => ({
      interface: name,
      addresses: ownAddresses(name, snapshot, onlyIpv4)
        .all.filter((address) => isHostAddress(address) && !isLinkLocal(address))
        .map(formatAddress)
        .filter((address) => !heard.has(address)),
    }))
    .filter(({ addresses }) => addresses.length > 0);
}
