// The table of all directives of knockd.conf: each name with the function that sets the value in its section.

import { addTcpFlags } from "../net/tcp-flags.ts";
import { parseSequence, SequenceError } from "../sequences/sequence.ts";
import { plural } from "../terminal/plural.ts";
import { type Line, MAX_HOLD, MAX_SKEW, MAX_STRAYS } from "./door.ts";
import type { DoorDraft, OptionsDraft, PolicyDraft } from "./drafts.ts";
import { parseDuration, parseFirewall, parseNetworks, parseOpenedPorts, parsePrefix6 } from "./opening.ts";

/** The line being read, and how a setter reports a bad value. If a setter throws, the whole config is refused. */
export interface Complaints {
  readonly line: Line;
  /** This door stays closed; the others work. */
  close(why: string): void;
  /** knockd uses the value anyway. */
  warn(why: string): void;
}

type Setter<T> = (draft: T, value: string, complaints: Complaints) => void;

/** For doors and for [options]. They are unknown to 0.8, so a bad value may refuse the config. */
const policyDirectives: Readonly<Record<string, Setter<{ readonly policy: PolicyDraft }>>> = commented({
  reknock({ policy }, value) {
    policy.reknock = oneOf("Reknock", value, ["run", "extend"]);
  },
  seq_cooldown({ policy }, value) {
    policy.seqCooldown = wholeNumber("Seq_Cooldown", value);
  },
  seq_cooldown_scope({ policy }, value) {
    policy.seqCooldownScope = oneOf("Seq_Cooldown_Scope", value, ["client", "door"]);
  },
  cooldown({ policy }, value) {
    policy.cooldown = wholeNumber("Cooldown", value); // a fork's name, with the fork's meaning
  },
  /** Forks': a knock that is sent twice does not void the attempt. Here it never does. */
  allowduplicates(_, value) {
    yesOrNo("AllowDuplicates", value);
  },
  max_strays({ policy }, value) {
    policy.maxStrays = wholeNumber("Max_Strays", value, MAX_STRAYS);
  },
  strict({ policy }, value) {
    policy.strict = yesOrNo("Strict", value);
  },
  easy({ policy }, value) {
    policy.easy = yesOrNo("Easy", value);
  },
  ban_time({ policy }, value) {
    policy.banTime = wholeNumber("Ban_Time", value);
  },
  command_timeout({ policy }, value) {
    policy.commandTimeout = wholeNumber("Command_Timeout", value);
  },
  parallel({ policy }, value) {
    policy.parallel = yesOrNo("Parallel", value);
  },
  code_skew({ policy }, value) {
    policy.codeSkew = wholeNumber("Code_Skew", value, MAX_SKEW);
  },
  code_hold({ policy }, value) {
    if (!/^\d+(\.\d+)?$/.test(value)) throw new Error(`syntax error: Code_Hold is a number of seconds, not "${value}"`);
    if (Number(value) > MAX_HOLD) throw new Error(`Code_Hold is ${MAX_HOLD} at most, not ${value}`);
    policy.codeHold = Number(value);
  },
  max_guesses({ policy }, value) {
    policy.maxGuesses = wholeNumber("Max_Guesses", value);
  },
  on_replay({ policy }, value) {
    policy.onReplay = oneOf("On_Replay", value, ["log", "close"]);
  },
});

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
  clients(door, value) {
    if (value === "") throw new Error("syntax error: Clients is the path of a file");
    door.clientsFile = value;
  },
  one_time_sequences(door, value) {
    door.oneTimeSequences = value;
  },
  seq_timeout(door, value, complaints) {
    door.seqTimeout = wholeSeconds("seq_timeout", value, complaints) ?? door.seqTimeout;
  },
  ...commented<DoorDraft>({
    tcpflags(door, value) {
      door.tcpFlags = addTcpFlags(door.tcpFlags, value);
    },
    target(door, value, { close, line }) {
      if (value === "") close("target is empty");
      door.target = { host: value, line };
    },
    open(door, value) {
      door.opening.ports = parseOpenedPorts(value);
    },
    for(door, value) {
      door.opening.seconds = parseDuration(value);
    },
    open_prefix_6(door, value) {
      door.opening.prefix6 = parsePrefix6(value);
    },
  }),
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
  ...policyDirectives,
});

const aliases: Readonly<Record<string, string>> = table({
  timeout: "seq_timeout",
  command: "start_command",
  command_6: "start_command_6",
  allowdupes: "allowduplicates",
});

/** Directives that need no value. 0.8 takes `UseSyslog` in any section; forks, the others. */
export const BARE_DIRECTIVES: ReadonlySet<string> = new Set(["usesyslog", "allowduplicates"]);

export const optionDirectives: Readonly<Record<string, Setter<OptionsDraft>>> = table({
  // 0.8 treats an empty value as if the line were missing.
  logfile(options, value) {
    options.logFile = value || undefined;
  },
  pidfile(options, value) {
    options.pidFile = value || undefined;
  },
  statefile(options, value) {
    options.stateFile = value || undefined;
  },
  clientsstate(options, value) {
    options.clientsState = value || undefined;
  },
  ...commented<OptionsDraft>({
    usesyslog(options, value) {
      options.useSyslog = yesOrNo("UseSyslog", value); // 0.8 knows the bare word only, and refuses `UseSyslog = yes`
    },
    interface(options, value) {
      // The first counts, as in 0.8. No name has a blank in it.
      options.interface ??= value.replace(/(^|\s);.*$/, "").trimEnd() || undefined;
    },
    logformat(options, value) {
      options.logFormat = oneOf("LogFormat", value, ["text", "json"]);
    },
    log_seconds(options, value) {
      options.logSeconds = yesOrNo("Log_Seconds", value);
    },
    on_exit(options, value) {
      options.onExit = oneOf("On_Exit", value, ["close", "keep"]);
    },
    firewall(options, value) {
      options.firewall.mode = parseFirewall(value);
    },
    gate_reply(options, value) {
      options.firewall.reply = oneOf("Gate_Reply", value, ["reset", "drop"]);
    },
    gate_allow(options, value) {
      options.firewall.allow = parseNetworks(value);
    },
    open_prefix_6(options, value) {
      options.firewall.prefix6 = parsePrefix6(value);
    },
  }),
  ...policyDirectives,
});

/** The directive's name in the tables: in lower case, with aliases resolved. */
export function directiveName(key: string): string {
  const name = key.toLowerCase();
  return aliases[name] ?? name;
}

/** For values that have no # in them: a comment may follow, behind a blank. Not one with a ;, which may separate values. */
function commented<T>(setters: Readonly<Record<string, Setter<T>>>): Readonly<Record<string, Setter<T>>> {
  return Object.fromEntries(
    Object.entries(setters).map(([name, set]) => [
      name,
      (draft: T, value: string, complaints: Complaints) => set(draft, withoutComment(value), complaints),
    ]),
  );
}

/** `tcp/22` of `tcp/22 # ssh`. */
export function withoutComment(value: string): string {
  return value.replace(/(^|\s)#.*$/, "").trimEnd();
}

/** Removes the prototype, because a key may be `constructor`. */
function table<T extends object>(entries: T): T {
  return Object.assign(Object.create(null), entries);
}

function yesOrNo(name: string, value: string): boolean {
  if (/^(yes|true|on|1)$/i.test(value)) return true;
  if (/^(no|false|off|0)$/i.test(value)) return false;
  throw new Error(`syntax error: ${name} must be yes or no, not "${value}"`);
}

function oneOf<T extends string>(name: string, value: string, words: readonly [T, T]): T {
  const word = words.find((one) => one === value.toLowerCase());
  if (word === undefined) throw new Error(`syntax error: ${name} must be ${words.join(" or ")}, not "${value}"`);
  return word;
}

function wholeNumber(name: string, value: string, most = Number.MAX_SAFE_INTEGER): number {
  if (!/^\d+$/.test(value)) throw new Error(`syntax error: ${name} must be a whole number, not "${value}"`);
  if (Number(value) > most) throw new Error(`${name} must be at most ${most}, not ${value}`);
  return Number(value);
}

function wholeSeconds(name: string, value: string, { close, warn }: Complaints): number | undefined {
  const digits = /^\+?(\d+)/.exec(value)?.[1];
  if (digits === undefined) {
    close(`${name} "${value}" is not a number of seconds`);
    return undefined;
  }
  // 0.8 reads the leading digits, so `15 # comment` works there and must work here. Warn only about text that may stand
  // for another time: `5 minutes`, `1.5`.
  if (!/^\+?\d+\s*(s|secs?|seconds?)?\s*($|#|;|\/\/)/i.test(value))
    warn(`${name} "${value}" is read as ${plural(Number(digits), "second")}`);
  return Number(digits);
}
