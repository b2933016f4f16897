// Blocks that two clients use: a port must say whose code it belongs to.

import { blockSize, type Client } from "./client.ts";

export interface Overlap {
  /** The later client. */
  readonly client: Client;
  readonly why: string;
}

/**
 * The first overlap; undefined when there is none. Only the key clients of one door share blocks, and then all of them. A
 * code's block within a key's would lock one of the two clients out without a word.
 */
export function checkBlocks(clients: readonly Client[]): Overlap | undefined {
  const owners = { tcp: new Map<number, Client>(), udp: new Map<number, Client>() };
  for (const group of groupsOf(clients)) {
    const client = group[0]!;
    const size = blockSize(client);
    for (const first of client.blocks) {
      for (let port = first; port < first + size; port++) {
        const owner = owners[client.protocol].get(port);
        if (owner === undefined) owners[client.protocol].set(port, client);
        else {
          const last = first + size - 1;
          return { client, why: `clients "${owner.name}" and "${client.name}" both use ports of ${first} to ${last}` };
        }
      }
    }
  }
  return undefined;
}

/** Clients whose codes go to the same ports: each alone, or the key clients of a door together. */
export function groupsOf(clients: readonly Client[]): Client[][] {
  const groups = new Map<string, Client[]>();
  for (const client of clients) {
    const { name, door, kind, protocol, blocks } = client;
    const key = JSON.stringify(kind === "key" ? [door, protocol, blocks] : [name]);
    const group = groups.get(key);
    if (group === undefined) groups.set(key, [client]);
    else group.push(client);
  }
  return [...groups.values()];
}
