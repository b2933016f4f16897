// The commands `clients` and `reset-client`: whose codes open doors, when each was last used, and how to forget used
// codes.

import { windowAt } from "../../codes/derive.ts";
import type { DaemonView } from "../daemon-view.ts";
import { type ClientRequest, onlyForRoot, Refusal, requireString } from "../handler.ts";
import type { Answer } from "../protocol.ts";

export function clients({ resolvedDoors, clientCodes }: DaemonView): (request: ClientRequest) => readonly Answer[] {
  return () => {
    const all = resolvedDoors().flatMap(({ door }) => door.clients);
    return all.map((client): Answer => {
      const { last, at, from, openings } = clientCodes.states!.of(client);
      return {
        type: "client",
        client: client.name,
        door: client.door,
        kind: client.kind,
        openings,
        ...(last >= 0 && at > 0 && { used: new Date(at).toISOString() }),
        ...(from !== undefined && { from }),
      };
    });
  };
}

/** Forgets the used codes of a client: for a clock that was ahead, and for a list whose state was lost. */
export function resetClient({ resolvedDoors, clientCodes }: DaemonView): (request: ClientRequest) => Promise<Answer[]> {
  return async (request) => {
    onlyForRoot(request);
    const name = requireString(request.args, "client");
    const client = resolvedDoors()
      .flatMap(({ door }) => door.clients)
      .find((one) => one.name === name);
    const last = client?.kind === "list" ? -1 : windowAt(Date.now());
    if (client === undefined || !(await clientCodes.reset(name, last))) throw new Refusal(`there is no client ${name}`);
    return [{ type: "reset", client: name }];
  };
}
