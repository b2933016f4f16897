// The directives of knockd.conf: one table, name → what its value does to the section.

import type { Door, FileOptions, Line } from "./door.ts";
import { parseSequence, SequenceError } from "./sequence.ts";
import { addTcpFlags } from "./tcp-flags.ts";

type Mutable<T> = { -readonly [K in keyof T]: T[K] };
export type DoorDraft = Mutable<Door>;
export type OptionsDraft = Mutable<FileOptions>;

/** The line that is being read, and how a setter says that its value is wrong: throwing refuses the whole config. */
export interface Complaints {
  readonly line: Line;
  /** The door stays closed, the others work. */
  close(why: string): void;
  /** The value is used all the same. */
  warn(why: string): void;
}

type Setter<T> = (draft: T, value: string, complaints: Complaints) => void;

export const doorDirectives: Readonly<Record<string, Setter<DoorDraft>>> = table({
  sequence(door, value, { close }) {
    try {
      door.sequence = parseSequence(value);
    } catch (error) {
      if (!(error instanceof SequenceError)) throw error;
      if (error.refuse) throw new Error(`section ${door.name}: ${error.message}`);
      close(error.message);
    }
  },
  one_time_sequences(door, value) {
    door.oneTimeSequences = value;
  },
  seq_timeout(door, value, complaints) {
    door.seqTimeout = wholeSeconds("seq_timeout", value, complaints) ?? door.seqTimeout;
  },
  tcpflags(door, value) {
    door.tcpFlags = addTcpFlags(door.tcpFlags, value);
  },
  target(door, value, { close, line }) {
    if (value === "") close("an empty target");
    door.target = { host: value, line };
  },
  start_command(door, value) {
    door.startCommand = value;
  },
  start_command_6(door, value) {
    door.startCommand6 = value;
  },
  stop_command(door, value) {
    door.stopCommand = value;
  },
  stop_command_6(door, value) {
    door.stopCommand6 = value;
  },
  cmd_timeout(door, value, complaints) {
    door.cmdTimeout = wholeSeconds("cmd_timeout", value, complaints) ?? door.cmdTimeout;
  },
});

const aliases: Readonly<Record<string, string>> = table({
  timeout: "seq_timeout",
  command: "start_command",
  command_6: "start_command_6",
});

export const optionDirectives: Readonly<Record<string, Setter<OptionsDraft>>> = table({
  usesyslog(options, value) {
    // 0.8 knows the bare word only, and refuses `UseSyslog = yes`
    if (/^(yes|true|on|1)$/i.test(value)) options.useSyslog = true;
    else if (/^(no|false|off|0)$/i.test(value)) options.useSyslog = false;
    else throw new Error(`syntax error: UseSyslog is yes or no, not "${value}"`);
  },
  // An empty value is no value: 0.8 goes on with its default.
  logfile(options, value) {
    options.logFile = value || undefined;
  },
  pidfile(options, value) {
    options.pidFile = value || undefined;
  },
  interface(options, value) {
    options.interface = value || undefined;
  },
});

/** The name that the tables use for a key of any case, aliases resolved. */
export function directiveName(key: string): string {
  const name = key.toLowerCase();
  return aliases[name] ?? name;
}

/** Without a prototype: a key may be `constructor`. */
function table<T extends object>(entries: T): T {
  return Object.assign(Object.create(null), entries);
}

function wholeSeconds(name: string, value: string, { close, warn }: Complaints): number | undefined {
  const digits = /^\+?(\d+)/.exec(value)?.[1];
  if (digits === undefined) {
    close(`${name} "${value}" is not a number of seconds`);
    return undefined;
  }
  // 0.8 reads the leading digits: `15 # seconds` works there, and must go on working
  if (!/^\+?\d+$/.test(value)) warn(`${name} "${value}" is taken as ${digits} seconds`);
  return Number(digits);
}
