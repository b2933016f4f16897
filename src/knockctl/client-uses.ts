// When each client was last used, as the daemon records it on disk.

import * as fs from "node:fs";
import { dirname } from "node:path";
import { type ClientState, ClientStates } from "../codes/client-states.ts";
import { CLIENTS_STATE } from "../config/settings.ts";
import { readRegularFile } from "../platform/read-file.ts";
import { replaceFile } from "../platform/replace-file.ts";
import { makePrivateDirectory } from "../platform/state-directory.ts";
import { systemErrorText } from "../platform/system-error.ts";
import type { ClientConfig } from "./client-config.ts";
import { ask } from "./request.ts";

export interface ClientUse {
  /** ISO 8601. Undefined: never used. */
  readonly at: string | undefined;
  readonly from: string | undefined;
  readonly openings: number;
}

/** Empty if no daemon has run yet. Throws an Error if the file is damaged or may not be read. */
export function statesOf({ config }: Pick<ClientConfig, "config">): ClientStates {
  const path = config.options.clientsState ?? CLIENTS_STATE;
  if (!fs.existsSync(path)) return new ClientStates();
  try {
    const states = ClientStates.parse(readRegularFile(path).toString("utf8"), Date.now(), performance.now());
    states.use(config.doors.flatMap(({ clients }) => clients));
    return states;
  } catch (error) {
    throw new Error(`${path}: ${systemErrorText(error)}`);
  }
}

/**
 * Makes the file for the first client, none of whose codes has been used. Without the file, knockd would assume that it
 * was lost, and refuse all codes of the first minute.
 */
export function beginStates({ config }: Pick<ClientConfig, "config">): void {
  const path = config.options.clientsState ?? CLIENTS_STATE;
  if (fs.existsSync(path)) return;
  try {
    makePrivateDirectory(dirname(path));
    replaceFile(path, new ClientStates().format(Date.now(), performance.now()), { mode: 0o600 });
  } catch (error) {
    throw new Error(`${path}: ${systemErrorText(error)}`);
  }
}

/** Asks the running daemon. Without one, reads the file, which lacks the daemon's last seconds. */
export async function usesOf(found: ClientConfig): Promise<ReadonlyMap<string, ClientUse>> {
  const { answers } = await ask(found.config.file, "clients");
  const uses = new Map<string, ClientUse>();
  for (const answer of answers.flat()) {
    if (answer.type !== "client") continue;
    uses.set(answer.client, { at: answer.used, from: answer.from, openings: answer.openings });
  }
  if (uses.size > 0) return uses;
  const states = statesOf(found);
  return new Map(found.clients.map((client) => [client.name, useOf(states.of(client))]));
}

function useOf({ last, at, from, openings }: ClientState): ClientUse {
  return { at: last >= 0 && at > 0 ? new Date(at).toISOString() : undefined, from, openings };
}
