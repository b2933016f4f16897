// The client of the new door, whose codes an authenticator app shows.

import { randomBytes } from "node:crypto";
import { existsSync } from "node:fs";
import type { Client } from "../codes/client.ts";
import { ClientStates } from "../codes/client-states.ts";
import { readClients } from "../codes/clients-file.ts";
import { Secret } from "../codes/secret.ts";
import { parseConfig } from "../config/parse.ts";
import { freeBlocks } from "../credentials/free-blocks.ts";
import { Refused, type Setup } from "./plan.ts";

const NAME = "phone";
const SECRET_BYTES = 20;

/** Its name is phone, or phone2 and so on if there is a phone already. Throws Refused. */
export async function newClient({ text, config: file, door }: Setup): Promise<Client> {
  const read = (path: string) => (existsSync(path) ? readClients(path) : []);
  try {
    const config = parseConfig(text, file, () => [{ protocol: "tcp", port: 1 }], read);
    const files = new Set(config.doors.flatMap(({ clientsFile }) => clientsFile ?? []));
    const clients = [...files].flatMap(read);
    const blocks = await freeBlocks({ kind: "code", digits: 6 }, { config, clients });
    const name = freeClientName(clients.map((one) => one.name));
    return {
      ...{ name, door, kind: "code", digits: 6, protocol: "tcp", blocks },
      ...{ secret: new Secret(randomBytes(SECRET_BYTES)), line: 0 },
      ...{ from: [], hours: undefined, expires: undefined, bind: false },
    };
  } catch (error) {
    throw new Refused((error as Error).message.split("\n")[0]);
  }
}

/** A record without codes. Without any file, knockd would assume that it was lost, and refuse the codes of its first minute. */
export function emptyStates(): string {
  return new ClientStates().format(Date.now(), performance.now());
}

function freeClientName(taken: readonly string[]): string {
  if (!taken.includes(NAME)) return NAME;
  for (let n = 2; ; n++) if (!taken.includes(`${NAME}${n}`)) return `${NAME}${n}`;
}
