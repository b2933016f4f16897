// Finds the blocks of a new client: ports that nothing else on this host uses.

import { readFileSync } from "node:fs";
import { chooseBlocks } from "../codes/blocks.ts";
import { blockSize, type Client } from "../codes/client.ts";
import type { Config } from "../config/door.ts";

export interface UsedPorts {
  readonly config: Config;
  /** All clients of the config. */
  readonly clients: readonly Client[];
}

/** Throws an Error when there is no room for another client. */
export async function freeBlocks(
  client: Pick<Client, "kind" | "digits">,
  { config, clients }: UsedPorts,
): Promise<number[]> {
  const { ephemeralPorts, listeningPorts } = await import("../platform/local-ports.ts");
  const { low, high } = ephemeralPorts();
  const listening = listeningPorts();
  const used = new Set([...(listening?.tcp ?? []), ...(listening?.udp ?? []), ...knockPorts(config)]);
  for (const { blocks, ...other } of clients)
    for (const first of blocks) for (let i = 0; i < blockSize(other); i++) used.add(first + i);
  const named = namedPorts();
  const blocks = chooseBlocks({
    ...{ kind: client.kind, digits: client.digits },
    isFree: (port) => !used.has(port) && (port < low || port > high),
    isNamed: (port) => named.has(port),
  });
  if (blocks === undefined)
    throw new Error(
      "there are no free ports for another client of this kind\nUse --key: the keys of a door share their ports.",
    );
  return blocks;
}

function knockPorts({ doors }: Config): number[] {
  return doors.flatMap(({ sequence }) => sequence.map(({ port }) => port));
}

/** The ports in /etc/services. Empty if there is no such file. */
function namedPorts(): ReadonlySet<number> {
  try {
    const text = readFileSync("/etc/services", "latin1");
    return new Set([...text.matchAll(/^[^#\s]\S*\s+(\d+)\//gm)].map(([, port]) => Number(port)));
  } catch {
    return new Set();
  }
}
