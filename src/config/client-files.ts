// Reads the clients files of a config, each once. No two clients, even of different files, may share ports.

import type { Client } from "../codes/client.ts";
import { checkBlocks } from "../codes/client-checks.ts";
import { ClientsError } from "../codes/client-sections.ts";
import { ConfigError } from "./door.ts";

export class ClientFiles {
  readonly #read: (file: string) => readonly Client[];
  readonly #files = new Map<string, readonly Client[]>();

  constructor(read: (file: string) => readonly Client[]) {
    this.#read = read;
  }

  /** All clients of a file. Throws a ConfigError whose message `place` makes from the reason. */
  read(file: string, place: (why: string) => string): readonly Client[] {
    const known = this.#files.get(file);
    if (known !== undefined) return known;
    let clients: readonly Client[];
    try {
      clients = this.#read(file);
    } catch (error) {
      if (!(error instanceof ClientsError)) throw error;
      throw new ConfigError(place(error.message));
    }
    const others = [...this.#files.values()].flat();
    // The clients of one file have already been compared with each other.
    const why =
      others.length === 0 ? undefined : (sameName(clients, others) ?? checkBlocks([...others, ...clients])?.why);
    if (why !== undefined) throw new ConfigError(place(`${file}: ${why}`));
    this.#files.set(file, clients);
    return clients;
  }
}

/** States are stored by the client's name, so it must be unique. */
function sameName(clients: readonly Client[], others: readonly Client[]): string | undefined {
  const names = new Set(others.map(({ name }) => name));
  const twice = clients.find(({ name }) => names.has(name));
  return twice && `client "${twice.name}" is also in another file`;
}
