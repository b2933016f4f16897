// Parses the text of knockd.conf into a frozen Config.

import type { Client } from "../codes/client.ts";
import { readClients } from "../codes/clients-file.ts";
import { noSequencesLeft } from "../sequences/one-time-file.ts";
import type { Sequence } from "../sequences/sequence.ts";
import { plural } from "../terminal/plural.ts";
import { ClientFiles } from "./client-files.ts";
import {
  BARE_DIRECTIVES,
  type Complaints,
  directiveName,
  doorDirectives,
  optionDirectives,
  withoutComment,
} from "./directives.ts";
import { type Config, ConfigError, complain, type Door, type FileOptions, type Line, type Overruled } from "./door.ts";
import { type DoorDraft, finishedDoor, newDoor, newOptions, type OptionsDraft } from "./drafts.ts";
import { insteadOf } from "./foreign-words.ts";
import { keyOf, nameOf, type Section, sectionsOf, textOfValue } from "./sections.ts";

/**
 * Returns the next unused sequence of the file at `path`, or undefined if none is left. Calls `warn` for each line that is
 * not a sequence. Throws an Error with the system's reason if the file cannot be read.
 */
export type NextOneTime = (path: string, warn: (why: string) => void) => Sequence | undefined;

/** Returns all clients of a file. Throws ClientsError. */
export type ReadClients = (file: string) => readonly Client[];

/** By directive: the last line that sets it, which is the one that counts. */
type LastLines = Map<string, Line>;

/** Throws ConfigError. `file` is for messages only. */
export function parseConfig(
  text: string,
  file: string,
  nextOneTime: NextOneTime,
  read: ReadClients = readClients,
): Config {
  return new ConfigParser(file, nextOneTime, new ClientFiles(read)).parse(text);
}

class ConfigParser {
  readonly #file: string;
  readonly #nextOneTime: NextOneTime;
  readonly #clientFiles: ClientFiles;
  readonly #options = newOptions();
  readonly #linesOfOptions: LastLines = new Map();
  /** The doors that are not closed by an error, with their lines. */
  readonly #doors: [DoorDraft, LastLines][] = [];
  readonly #warnings: string[] = [];
  readonly #overruled: Overruled[] = [];

  constructor(file: string, nextOneTime: NextOneTime, clientFiles: ClientFiles) {
    this.#file = file;
    this.#nextOneTime = nextOneTime;
    this.#clientFiles = clientFiles;
  }

  parse(text: string): Config {
    for (const section of sectionsOf(text, this.#place)) {
      if (isOptions(section)) this.#readLines(section, this.#linesOfOptions);
      else this.#readDoor(section);
    }
    this.#checkGate();
    const doors = this.#doors.map(([door]) => finishedDoor(door, this.#options));
    const lines = new Map<Door | FileOptions, LastLines>(doors.map((door, i) => [door, this.#doors[i]![1]]));
    lines.set(Object.freeze(this.#options), this.#linesOfOptions);
    return Object.freeze({
      file: this.#file,
      options: this.#options,
      doors,
      isBlank: text.trim() === "",
      warnings: this.#warnings,
      overruled: this.#overruled,
      lines,
    });
  }

  #readDoor(section: Section): void {
    const door = newDoor(section.name);
    const last: LastLines = new Map();
    const closings = this.#readLines(section, last, door);
    this.#readOneTime(door, last, section.header);
    this.#readClients(door, last);
    const knocks = Math.max(door.sequence.length, ...door.clients.map(({ blocks }) => blocks.length));
    if (closings.length === 0 && door.seqTimeout === 0 && knocks > 1) {
      const why = `seq_timeout 0 leaves no time for ${plural(knocks, "knock")}: door '${door.name}' stays closed`;
      closings.push(this.#place(last.get("seq_timeout")!, why));
    }
    const aimless = door.opening.ports === undefined ? (last.get("for") ?? last.get("open_prefix_6")) : undefined;
    if (aimless !== undefined)
      throw this.#refusal(aimless, `${keyOf(aimless)} needs open, and door '${door.name}' has no open`);
    this.#warnings.push(...closings);
    if (closings.length === 0) this.#doors.push([door, last]);
    else this.#options.firewall.closed = [...this.#options.firewall.closed, ...(door.opening.ports ?? [])];
  }

  /** Reads the lines of a door, or of [options] without one. Returns the errors for which the door stays closed. */
  #readLines(section: Section, last: LastLines, door?: DoorDraft): string[] {
    // A later line of the same directive may correct an error.
    const closings = new Map<string, string>();
    for (const line of section.lines) {
      const name = nameOf(line);
      const before = last.get(name);
      const counts = before !== undefined && firstCounts(name) && textOfValue(before) !== "" ? before : line;
      if (before !== undefined && !addsUp(name) && textOfValue(before) !== textOfValue(line))
        this.#overruled.push({ section: section.name, line: counts === line ? before : line, by: counts });
      last.set(name, counts);
      closings.delete(name);
      const complaints: Complaints = {
        line,
        close: (why) => closings.set(name, this.#place(line, `${why}: door '${section.name}' stays closed`)),
        warn: (why) => this.#warnings.push(this.#place(line, why)),
      };
      try {
        setDirective(name, door, this.#options, complaints);
      } catch (error) {
        throw this.#refusal(line, (error as Error).message);
      }
    }
    return [...closings.values()];
  }

  #readOneTime(door: DoorDraft, last: LastLines, header: Line): void {
    const line = last.get("one_time_sequences");
    if (line === undefined) {
      if (last.has("sequence") || last.has("clients")) return;
      throw new ConfigError(
        `error: section '${door.name}' has an empty knock sequence (${this.#file}: line ${header.number})`,
      );
    }
    const warn = (why: string) => this.#warnings.push(`config: section ${door.name}: ${why}`);
    let sequence: Sequence | undefined;
    try {
      sequence = this.#nextOneTime(door.oneTimeSequences!, warn);
    } catch (error) {
      throw this.#refusal(line, (error as Error).message);
    }
    if (sequence === undefined) throw this.#refusal(line, noSequencesLeft(door.name));
    door.sequence = sequence;
  }

  #readClients(door: DoorDraft, last: LastLines): void {
    const line = last.get("clients");
    if (line === undefined) return;
    if (last.has("one_time_sequences"))
      throw this.#refusal(line, "a door cannot have both Clients and One_Time_Sequences: remove one of them");
    const clients = this.#clientFiles.read(door.clientsFile!, (why) => this.#place(line, why));
    door.clients = clients.filter((client) => client.door === door.name);
    if (door.clients.length === 0)
      this.#warnings.push(this.#place(line, `${door.clientsFile} has no client for door '${door.name}'`));
  }

  #checkGate(): void {
    const { kind } = this.#options.firewall.mode;
    const line = this.#linesOfOptions.get("gate_reply") ?? this.#linesOfOptions.get("gate_allow");
    if (line !== undefined && kind !== "gate")
      throw this.#refusal(line, `${keyOf(line)} is for Firewall = gate, not for ${kind}`);
  }

  readonly #place = (line: Line, why: string): string => complain(this.#file, line, why);

  #refusal(line: Line, why: string): ConfigError {
    return new ConfigError(this.#place(line, why));
  }
}

function setDirective(name: string, door: DoorDraft | undefined, options: OptionsDraft, complaints: Complaints): void {
  const { line } = complaints;
  const bare = directiveName(withoutComment(line.text));
  if (BARE_DIRECTIVES.has(bare)) {
    if (bare === "usesyslog") options.useSyslog = true;
    return;
  }
  if (!line.text.includes("=")) throw new Error("syntax error");
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

/** Of a directive that is given twice, the last line counts. 0.8 has one exception. */
const firstCounts = (name: string): boolean => name === "interface";

/** May the directive be repeated, so that every line counts? */
const addsUp = (name: string): boolean => name === "tcpflags";

/**
 * `[options]` in lower case. For 0.8, `[Options]` is a door. It stays a door if it has a directive of doors. Otherwise 0.8
 * would refuse it for having no sequence, so its author meant the options.
 */
function isOptions(section: Section): boolean {
  if (section.name === "options") return true;
  if (section.name.toLowerCase() !== "options") return false;
  return section.lines.every((line) => nameOf(line) in optionDirectives);
}
