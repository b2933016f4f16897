// A door and the options while their lines are being read: both begin with the defaults, and each line sets a field.

import { ANY_FLAGS } from "../net/tcp-flags.ts";
import { DEFAULT_POLICY, type Door, type FileOptions, type Policy } from "./door.ts";
import { DEFAULT_FIREWALL, DEFAULT_SECONDS, type FirewallOptions, type Opening } from "./opening.ts";

type Mutable<T> = { -readonly [K in keyof T]: T[K] };

/** Only what a line has set. The rest comes from [options], then from the defaults. */
export type PolicyDraft = Partial<Mutable<Policy>>;

export type DoorDraft = Mutable<Omit<Door, "policy" | "opening">> & {
  readonly policy: PolicyDraft;
  readonly opening: Partial<Mutable<Opening>>;
};

export type OptionsDraft = Mutable<Omit<FileOptions, "policy" | "firewall">> & {
  readonly policy: PolicyDraft;
  readonly firewall: Mutable<FirewallOptions>;
};

export function newOptions(): OptionsDraft {
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
    firewall: { ...DEFAULT_FIREWALL },
    policy: {},
  };
}

export function newDoor(name: string): DoorDraft {
  return {
    name,
    sequence: [],
    oneTimeSequences: undefined,
    clientsFile: undefined,
    clients: [],
    seqTimeout: 25,
    tcpFlags: ANY_FLAGS,
    target: undefined,
    startCommand: undefined,
    stopCommand: undefined,
    startCommand6: undefined,
    stopCommand6: undefined,
    cmdTimeout: 10,
    opening: {},
    policy: {},
  };
}

/**
 * The door with the policy of [options] filled in. Call it after the last line of the file, because [options] may be
 * there.
 */
export function finishedDoor(door: DoorDraft, options: OptionsDraft): Door {
  const { ports, ...rest } = door.opening;
  const opening: Opening | undefined = ports && {
    ports,
    ...{ seconds: DEFAULT_SECONDS, prefix6: options.firewall.prefix6, ...rest },
  };
  const policy = Object.freeze({ ...DEFAULT_POLICY, ...options.policy, ...door.policy });
  return Object.freeze({ ...door, opening: Object.freeze(opening), policy });
}
