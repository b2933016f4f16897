// Finds blocks that two clients share. A port must tell whose code it belongs to.

import { blockSize, type Client } from "./client.ts";

export interface Overlap {
  /** The later client. */
  readonly client: Client;
  readonly why: string;
}

/**
 * The first overlap, or undefined. Only the key clients of one door may share blocks, and then all of their blocks. If
 * a code's block lay within a key's block, one of the two clients would be locked out without any message.
 */
export function checkBlocks(clients: readonly Client[]): Overlap | undefined {
  const blocks = groupsOf(clients)
    .flatMap(([client]) => client!.blocks.map((first) => ({ client: client!, first })))
    .map(({ client, first }, order) => ({ client, first, last: first + blockSize(client) - 1, order }));
  let found: { readonly overlap: Overlap; readonly order: number } | undefined;
  for (const protocol of ["tcp", "udp"]) {
    const ascending = blocks.filter(({ client }) => client.protocol === protocol).sort((a, b) => a.first - b.first);
    for (const [i, one] of ascending.entries()) {
      for (const other of ascending.slice(i + 1)) {
        if (other.first > one.last) break;
        const [before, later] = one.order < other.order ? [one, other] : [other, one];
        if (found !== undefined && found.order <= later.order) continue;
        const names = `clients "${before.client.name}" and "${later.client.name}"`;
        const why = `${names} both use ports of ${later.first} to ${later.last}`;
        found = { overlap: { client: later.client, why }, order: later.order };
      }
    }
  }
  return found?.overlap;
}

/** Groups clients whose codes go to the same ports: each client alone, or all key clients of a door. */
export function groupsOf(clients: readonly Client[]): Client[][] {
  const groups = new Map<string, Client[]>();
  let last: Client[] = [];
  for (const client of clients) {
    const { name, door, kind, protocol, blocks } = client;
    const before = last[0];
    // The keys of a door usually follow each other in the file, and clients-file.ts gives them the same array of
    // blocks.
    const isAlike = before?.kind === kind && before.door === door && before.protocol === protocol;
    if (isAlike && kind === "key" && before.blocks === blocks) {
      last.push(client);
      continue;
    }
    const key = kind === "key" ? `${protocol} ${blocks} ${door}` : name; // the space keeps it apart from names, which have none
    last = groups.get(key) ?? [];
    if (last.length === 0) groups.set(key, last);
    last.push(client);
  }
  return [...groups.values()];
}
