// The addresses of this host that no door covers, because no selected interface has them: those of lo, of a dummy, of
// another network. Packets for them may still arrive on a captured interface, where the filter drops them.

import type { ResolvedDoor } from "../config/resolved-door.ts";
import type { UncoveredAddresses } from "../events/interface-status.ts";
import { formatAddress, isHostAddress, isLinkLocal } from "../net/address.ts";
import type { Snapshot } from "../platform/native.ts";
import { ANY, namesOf, ownAddresses } from "./interfaces.ts";

export interface Listening {
  /** The patterns of interfaces.ts. */
  readonly patterns: readonly string[];
  readonly onlyIpv4: boolean;
}

/** By interface. Empty if every door has a Target: then the interfaces' addresses do not matter. */
export function uncoveredAddresses(
  { patterns, onlyIpv4 }: Listening,
  snapshot: Snapshot,
  resolvedDoors: readonly ResolvedDoor[],
): readonly UncoveredAddresses[] {
  if (patterns.includes(ANY) || resolvedDoors.every(({ targets }) => targets !== undefined)) return [];
  const selected = new Set(patterns.flatMap((word) => namesOf(word, snapshot)));
  const covered = new Set(
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
        .filter((address) => !covered.has(address)),
    }))
    .filter(({ addresses }) => addresses.length > 0);
}
