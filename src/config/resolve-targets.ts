// Resolves the Target of each door, an address or a name. 0.8 does not start if a name cannot be resolved.

import { lookup } from "node:dns/promises";
import { type Address, isIpv4, parseAddress } from "../net/address.ts";
import { type Config, complain, type Door } from "./door.ts";
import type { ResolvedDoor } from "./resolved-door.ts";

export interface ResolvedDoors {
  readonly resolvedDoors: readonly ResolvedDoor[];
  /** One line for each door that stays closed because of its Target. */
  readonly warnings: readonly string[];
}

/** Returns all addresses of a name. Rejects if there is none. */
export type ResolveHost = (host: string) => Promise<readonly string[]>;

const byLibc: ResolveHost = async (host) => (await lookup(host, { all: true })).map(({ address }) => address);

/** Never rejects. A door whose Target cannot be resolved stays closed with a warning; the others work. */
export async function resolveTargets(
  config: Config,
  onlyIpv4: boolean,
  resolve: ResolveHost = byLibc,
): Promise<ResolvedDoors> {
  const warnings: string[] = [];
  const one = async (door: Door): Promise<ResolvedDoor[]> => {
    if (door.target === undefined) return [{ door, targets: undefined }];
    const { host, line } = door.target;
    try {
      return [{ door, targets: await addresses(host, onlyIpv4, resolve) }];
    } catch {
      const why = `target "${host}" cannot be resolved: door '${door.name}' stays closed`;
      warnings.push(complain(config.file, line, why));
      return [];
    }
  };
  const resolvedDoors = (await Promise.all(config.doors.map(one))).flat();
  return { resolvedDoors, warnings };
}

async function addresses(host: string, onlyIpv4: boolean, resolve: ResolveHost): Promise<Address[]> {
  const literal = parseAddress(host);
  const found = literal ? [literal] : (await resolve(host)).map((text) => parseAddress(text)!);
  return onlyIpv4 ? found.filter(isIpv4) : found;
}
