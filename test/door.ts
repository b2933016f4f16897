// A door for tests: what a test does not name is what a door without directives has.

import { DEFAULT_POLICY, type Door } from "../src/config/door.ts";
import type { DoorRef } from "../src/events/knock-event.ts";

export function doorOf(fields: Partial<Door> = {}): Door {
  return {
    name: "ssh",
    sequence: [{ protocol: "tcp", port: 7000 }],
    oneTimeSequences: undefined,
    clientsFile: undefined,
    clients: [],
    seqTimeout: 25,
    tcpFlags: { set: 0, clear: 0 },
    target: undefined,
    startCommand: undefined,
    stopCommand: undefined,
    startCommand6: undefined,
    stopCommand6: undefined,
    cmdTimeout: 10,
    opening: undefined,
    policy: DEFAULT_POLICY,
    ...fields,
  };
}

/** A door as events name it. */
export function doorRefOf(fields: Partial<DoorRef> = {}): DoorRef {
  return { id: 1, name: "ssh", knocks: 3, seqTimeout: 25, ...fields };
}
