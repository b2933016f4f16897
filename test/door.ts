// A door and options for tests. Whatever a test does not set has the default of an empty config.

import { DEFAULT_POLICY, type Door, type FileOptions } from "../src/config/door.ts";
import { DEFAULT_FIREWALL } from "../src/config/opening.ts";
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

export function optionsOf(fields: Partial<FileOptions> = {}): FileOptions {
  return {
    useSyslog: false,
    logFile: undefined,
    logFormat: "text",
    logSeconds: false,
    pidFile: undefined,
    interface: undefined,
    stateFile: undefined,
    clientsState: undefined,
    onExit: "close",
    firewall: DEFAULT_FIREWALL,
    policy: {},
    ...fields,
  };
}

/** A door as events name it. */
export function doorRefOf(fields: Partial<DoorRef> = {}): DoorRef {
  return { id: 1, name: "ssh", knocks: 3, seqTimeout: 25, ...fields };
}
