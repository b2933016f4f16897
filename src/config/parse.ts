// Parses the text of knockd.conf into a frozen Config. The library `ini` gathers lines into sections, but its grammar is not
// knockd's: it cuts at ; and #, nests [a.b], merges sections of one name, strips quotes, turns `true` into a boolean and
// forgets line numbers. So it gets only the number of each line, and nothing is lost.

import ini from "ini";
import type { Client } from "../codes/client.ts";
import { readClients } from "../codes/clients-file.ts";
import { ANY_FLAGS } from "../net/tcp-flags.ts";
import { noSequencesLeft } from "../sequences/one-time-file.ts";
import type { Sequence } from "../sequences/sequence.ts";
import { plural } from "../terminal/plural.ts";
import { ClientFiles } from "./client-files.ts";
import type { Complaints, DoorDraft, OptionsDraft } from "./directives.ts";
import { directiveName, doorDirectives, optionDirectives } from "./directives.ts";
import {
  type Config,
  ConfigError,
  complain,
  DEFAULT_POLICY,
  type Door,
  type FileOptions,
  type Line,
  type Overruled,
} from "./door.ts";
import { insteadOf } from "./foreign-words.ts";
import { DEFAULT_FIREWALL, DEFAULT_SECONDS, type Opening } from "./opening.ts";

interface Section {
  readonly name: string;
  readonly header: Line;
  readonly lines: readonly Line[];
}

/**
 * Returns the next unused sequence of the file at `path`, or undefined if none is left. Calls `warn` for each line that is
 * not a sequence. Throws an Error with the system's reason if the file cannot be read.
 */
export type NextOneTime = (path: string, warn: (why: string) => void) => Sequence | undefined;

/** Returns all clients of a file. Throws ClientsError. */
export type ReadClients = (file: string) => readonly Client[];

/** Throws ConfigError. `file` is for messages only. */
export function parseConfig(
  text: string,
  file: string,
  nextOneTime: NextOneTime,
  read: ReadClients = readClients,
): Config {
  const clientFiles = new ClientFiles(read);
  const options = newOptions();
  const doors: DoorDraft[] = [];
  const linesOfDoors: Map<string, Line>[] = [];
  const linesOfOptions = new Map<string, Line>();
  const warnings: string[] = [];
  const overruled: Overruled[] = [];
  const place = (line: Line, why: string) => complain(file, line, why);

  for (const section of sections(text, place)) {
    const global = isOptions(section);
    const door = newDoor(section.name);
    // By directive: the last line of a name counts.
    const given = global ? linesOfOptions : new Map<string, Line>();
    const closings = new Map<string, string>();
    for (const line of section.lines) {
      const name = nameOf(line);
      const before = given.get(name);
      if (before !== undefined && !addsUp(name) && textOfValue(before) !== textOfValue(line))
        overruled.push({ section: section.name, line: before, by: line });
      given.set(name, line);
      closings.delete(name);
      const complaints: Complaints = {
        line,
        close: (why) => closings.set(name, place(line, `${why}: door '${door.name}' stays closed`)),
        warn: (why) => warnings.push(place(line, why)),
      };
      try {
        setDirective(line, global ? undefined : door, options, complaints);
      } catch (error) {
        throw new ConfigError(place(line, (error as Error).message));
      }
    }
    if (global) continue;
    const oneTime = given.get("one_time_sequences");
    if (oneTime !== undefined) {
      const warn = (why: string) => warnings.push(`config: section ${door.name}: ${why}`);
      try {
        door.sequence = takeOneTime(door, nextOneTime, warn);
      } catch (error) {
        throw new ConfigError(place(oneTime, (error as Error).message));
      }
    } else if (!given.has("sequence") && !given.has("clients")) {
      throw new ConfigError(
        `error: section '${door.name}' has an empty knock sequence (${file}: line ${section.header.number})`,
      );
    }
    const clients = given.get("clients");
    if (clients !== undefined) {
      if (oneTime !== undefined)
        throw new ConfigError(
          place(clients, "Clients and One_Time_Sequences are both of codes that count once: use one"),
        );
      const known = clientFiles.read(door.clientsFile!, (why) => place(clients, why));
      door.clients = known.filter((client) => client.door === door.name);
      if (door.clients.length === 0)
        warnings.push(place(clients, `no client of ${door.clientsFile} is for door '${door.name}'`));
    }
    const knocks = Math.max(door.sequence.length, ...door.clients.map(({ blocks }) => blocks.length));
    if (closings.size === 0 && door.seqTimeout === 0 && knocks > 1) {
      const why = `seq_timeout 0 leaves no time for ${plural(knocks, "knock")}: door '${door.name}' stays closed`;
      closings.set("seq_timeout", place(given.get("seq_timeout")!, why));
    }
    const aimless = door.opening.ports === undefined ? (given.get("for") ?? given.get("open_prefix_6")) : undefined;
    if (aimless !== undefined) {
      const why = `${keyOf(aimless)} belongs to open, and door '${door.name}' has no open`;
      throw new ConfigError(place(aimless, why));
    }
    warnings.push(...closings.values());
    if (closings.size > 0) {
      options.firewall.closed = [...options.firewall.closed, ...(door.opening.ports ?? [])];
      continue;
    }
    doors.push(door);
    linesOfDoors.push(given);
  }
  const gateOnly = linesOfOptions.get("gate_reply") ?? linesOfOptions.get("gate_allow");
  if (gateOnly !== undefined && options.firewall.mode.kind !== "gate") {
    const why = `${keyOf(gateOnly)} is for Firewall = gate, not for ${options.firewall.mode.kind}`;
    throw new ConfigError(place(gateOnly, why));
  }
  const frozen = doors.map((door) => finished(door, options));
  const lines = new Map(frozen.map((door, i): [Door | FileOptions, Map<string, Line>] => [door, linesOfDoors[i]!]));
  lines.set(Object.freeze(options), linesOfOptions);
  return Object.freeze({ file, options, doors: frozen, warnings, overruled, lines });
}

function finished(door: DoorDraft, options: OptionsDraft): Door {
  const { ports, ...rest } = door.opening;
  const opening: Opening | undefined = ports && {
    ports,
    ...{ seconds: DEFAULT_SECONDS, prefix6: options.firewall.prefix6, ...rest },
  };
  const policy = Object.freeze({ ...DEFAULT_POLICY, ...options.policy, ...door.policy });
  return Object.freeze({ ...door, opening: Object.freeze(opening), policy });
}

function newOptions(): OptionsDraft {
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

function newDoor(name: string): DoorDraft {
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

function setDirective(line: Line, door: DoorDraft | undefined, options: OptionsDraft, complaints: Complaints): void {
  const name = nameOf(line);
  const equals = line.text.indexOf("=");
  if (equals < 0) {
    if (name !== "usesyslog") throw new Error("syntax error");
    options.useSyslog = true; // the bare word; 0.8 takes it in any section
    return;
  }
  if (line.text.includes("\ufffd")) complaints.warn("not valid UTF-8: the invalid bytes are read as \ufffd");
  const value = textOfValue(line);
  const setDoor = doorDirectives[name];
  const setOption = optionDirectives[name];
  if (door !== undefined && setDoor !== undefined) setDoor(door, value, complaints);
  else if (setOption !== undefined && (door === undefined || name === "usesyslog"))
    setOption(options, value, complaints);
  else {
    const instead = insteadOf(name);
    const hint = instead === undefined ? "" : `: ${instead}`;
    const where = door === undefined ? "[options]" : "a door";
    throw new Error(`syntax error: unknown directive "${keyOf(line)}" in ${where}${hint}`);
  }
}

function takeOneTime(door: DoorDraft, nextOneTime: NextOneTime, warn: (why: string) => void): Sequence {
  const sequence = nextOneTime(door.oneTimeSequences!, warn);
  if (sequence === undefined) throw new Error(noSequencesLeft(door.name));
  return sequence;
}

/** The text before the first `=`, or the whole line if there is none. */
function keyOf(line: Line): string {
  return trim(line.text.split("=", 1)[0]!);
}

/** The text after the first `=`. Empty if there is none. */
function textOfValue(line: Line): string {
  const equals = line.text.indexOf("=");
  return equals < 0 ? "" : trim(line.text.slice(equals + 1));
}

/** May the directive be repeated, with every line counting? */
const addsUp = (name: string): boolean => name === "tcpflags";

function nameOf(line: Line): string {
  return directiveName(keyOf(line));
}

/**
 * `[options]` in lower case. For 0.8, `[Options]` is a door. It stays a door if it has a directive of doors. Otherwise 0.8
 * would refuse it for having no sequence, so its author meant the options.
 */
function isOptions(section: Section): boolean {
  if (section.name === "options") return true;
  if (section.name.toLowerCase() !== "options") return false;
  return section.lines.every((line) => nameOf(line) in optionDirectives);
}

function sections(text: string, place: (line: Line, why: string) => string): Section[] {
  const lines = new Map<string, Line>();
  const protectedText: string[] = [];
  let headers = 0;
  text.split("\n").forEach((raw, index) => {
    const line: Line = { number: index + 1, text: trim(raw) };
    if (line.text === "" || line.text.startsWith("#")) return;
    if (line.text.includes("\0")) throw new ConfigError(place(line, "syntax error: the line contains a NUL byte"));
    const key = `line ${line.number}`;
    lines.set(key, line);
    if (line.text.startsWith("[") && line.text.endsWith("]")) {
      if (line.text === "[]") throw new ConfigError(place(line, "bad section name"));
      headers++;
      protectedText.push(`[${key}]`);
    } else {
      if (headers === 0) throw new ConfigError(place(line, "all directives must belong to a section"));
      protectedText.push(key);
    }
  });

  const parsed = ini.parse(protectedText.join("\n")) as Record<string, object>;
  return Object.entries(parsed).map(([headerKey, directives]) => {
    const header = lines.get(headerKey)!;
    return { header, name: header.text.slice(1, -1), lines: Object.keys(directives).map((key) => lines.get(key)!) };
  });
}

/** Trims what C's isspace() calls white space. String.trim() would also remove a no-break space. */
function trim(text: string): string {
  // Not /[ \t]+$/: its running time is quadratic for a long run of spaces in the middle.
  const isBlank = (at: number) => " \t\r\v\f".includes(text[at]!);
  let start = 0;
  let end = text.length;
  while (start < end && isBlank(start)) start++;
  while (end > start && isBlank(end - 1)) end--;
  return text.slice(start, end);
}
