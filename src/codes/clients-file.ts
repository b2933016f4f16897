// The clients file, /etc/knockd/clients: the grammar of knockd.conf, with one section for each client. It contains
// secrets, so only root may read it.

import * as fs from "node:fs";
import { type Network, parseNetwork } from "../net/network.ts";
import { readRegularFile } from "../platform/read-file.ts";
import { systemErrorText } from "../platform/system-error.ts";
import { requireTrusted } from "../platform/trusted-file.ts";
import { blockSize, CLIENT_NAME, type Client, knocksOf } from "./client.ts";
import { checkBlocks } from "./client-checks.ts";
import type { ClientKind } from "./derive.ts";
import { type Hours, parseHours } from "./hours.ts";
import { parseSecret } from "./secret.ts";

const READ_BY_OTHERS = 0o077;
/** Text in another directive's value that may be a secret: at least 80 bits of base32 or hex, also in groups. */
const MAY_BE_SECRET = /[A-Za-z0-9](?:[ -]?[A-Za-z0-9]){15,}=*/g;

/** The clients file is refused. The message names the file, and the line if there is one. */
export class ClientsError extends Error {}

interface Line {
  readonly number: number;
  readonly text: string;
}

interface Section {
  readonly name: string;
  readonly line: Line;
  readonly values: Map<Directive, Line & { readonly value: string }>;
}

const DIRECTIVES = ["door", "kind", "secret", "ports", "proto", "digits", "from", "hours", "expires", "bind"] as const;
type Directive = (typeof DIRECTIVES)[number];
const isDirective = (word: string): word is Directive => (DIRECTIVES as readonly string[]).includes(word);

const KINDS = ["code", "key", "list"] as const;
const DIGITS = { code: 6, key: 0, list: 8 } as const;

/** Throws ClientsError. */
export function readClients(file: string): Client[] {
  let text: string;
  try {
    text = readRegularFile(file, fs.constants.O_RDONLY, { check: (open) => requireSecret(open, file) }).toString(
      "utf8",
    );
  } catch (error) {
    throw new ClientsError(`${file}: ${systemErrorText(error)}`);
  }
  return parseClients(text, file);
}

function requireSecret(open: number, file: string): void {
  requireTrusted(open, fs.realpathSync(file));
  const { mode } = fs.fstatSync(open);
  if ((mode & READ_BY_OTHERS) !== 0) throw new Error("other users can read its secrets (chmod 600)");
}

/** Throws ClientsError. `file` is for messages only. */
export function parseClients(text: string, file: string): Client[] {
  const clients: Client[] = [];
  const names = new Map<string, number>();
  const blocks: KnownBlocks = new Map();
  for (const section of sections(text, file)) {
    const { name, line } = section;
    if (!CLIENT_NAME.test(name)) throw complaint(file, line, "a client's name is 1 to 32 of A-Z a-z 0-9 . _ -");
    const before = names.get(name);
    if (before !== undefined) throw complaint(file, line, `client "${name}" is already defined in line ${before}`);
    names.set(name, line.number);
    clients.push(parseClient(section, file, blocks));
  }
  const overlap = checkBlocks(clients);
  if (overlap !== undefined) throw new ClientsError(`${file}:${overlap.client.line}: ${overlap.why}`);
  return clients;
}

/** By their text in the file, so that all keys of a door share one array. */
type KnownBlocks = Map<string, readonly number[]>;

function parseClient({ name, line, values }: Section, file: string, known: KnownBlocks): Client {
  const read = <T>(directive: Directive, parse: (value: string) => T): T | undefined => {
    const found = values.get(directive);
    if (found === undefined) return undefined;
    try {
      return parse(found.value);
    } catch (error) {
      // The message is logged, so it must not quote the line of a secret.
      const { number, text } = found;
      const line = { number, text: directive === "secret" ? "secret = …" : text.replace(MAY_BE_SECRET, "…") };
      throw complaint(
        file,
        line,
        (error as Error).message.replaceAll(/"[^"]*"/g, (said) => said.replace(MAY_BE_SECRET, "…")),
      );
    }
  };
  const required = <T>(directive: Directive, parse: (value: string) => T): T => {
    const value = read(directive, parse);
    if (value === undefined) throw complaint(file, line, `client "${name}" has no ${directive}`);
    return value;
  };
  const kind: ClientKind = read("kind", (value) => oneOf(value, KINDS)) ?? "code";
  const digits = read("digits", (value) => parseDigits(value, kind)) ?? DIGITS[kind];
  const bind = read("bind", (value) => oneOf(value, ["yes", "no"]) === "yes") ?? false;
  if (bind && kind !== "key") throw complaint(file, values.get("bind")!, "only a key can be bound to an address");
  return {
    name,
    door: required("door", (value) => value),
    kind,
    secret: required("secret", (value) => parseSecret(value, kind)),
    blocks: required("ports", (value) => {
      const text = `${kind} ${digits} ${value}`;
      const blocks = known.get(text) ?? parseBlocks(value, kind, knocksOf({ kind, digits }));
      known.set(text, blocks);
      return blocks;
    }),
    protocol: read("proto", (value) => oneOf(value, ["tcp", "udp"])) ?? "tcp",
    digits,
    from: read("from", parseFrom) ?? [],
    hours: read("hours", parseHoursStrictly),
    expires: read("expires", parseDay),
    bind,
    line: line.number,
  };
}

function parseDigits(value: string, kind: ClientKind): number {
  if (kind === "key") throw new Error("a key has no digits");
  if (kind === "list" && value !== "8") throw new Error(`a list has 8 digits, not "${value}"`);
  if (value !== "6" && value !== "8") throw new Error(`digits is 6 or 8, not "${value}"`);
  return Number(value);
}

/** Hundreds for a code or list, first ports for a key. */
function parseBlocks(value: string, kind: ClientKind, count: number): number[] {
  const size = blockSize({ kind });
  const blocks = value.split(",").map((part) => {
    const number = part.trim();
    const first = kind === "key" ? Number(number) : Number(number) * size;
    if (!/^\d{1,5}$/.test(number) || first < size || first + size > 65_536 || first % size !== 0)
      throw new Error(
        `"${number}" is not ${kind === "key" ? `a multiple of ${size}` : "one of the hundreds 11 to 654"}`,
      );
    return first;
  });
  if (blocks.length !== count) throw new Error(`ports has ${blocks.length} blocks, not ${count}`);
  if (new Set(blocks).size !== count) throw new Error("ports names a block twice");
  return blocks;
}

function parseFrom(value: string): Network[] {
  return value.split(/[\s,]+/).map((text) => {
    const network = parseNetwork(text);
    if (network === undefined) throw new Error(`"${text}" is not a network`);
    return network;
  });
}

function parseHoursStrictly(value: string): Hours {
  const hours = parseHours(value);
  if (hours === undefined) throw new Error(`"${value}" is not a range of hours such as "Mon-Fri 08:00-18:00"`);
  return hours;
}

function parseDay(value: string): string {
  const [, year, month, day] = /^(\d{4})-(\d\d)-(\d\d)$/.exec(value) ?? [];
  const date = new Date(Number(year), Number(month) - 1, Number(day));
  if (date.getMonth() !== Number(month) - 1) throw new Error(`"${value}" is not a date such as "2027-03-31"`);
  return value;
}

function oneOf<T extends string>(value: string, words: readonly T[]): T {
  const word = words.find((one) => one === value.toLowerCase());
  if (word === undefined) throw new Error(`"${value}" is not one of ${words.join(", ")}`);
  return word;
}

/** A generator, so that the start does not spend time on keeping a thousand sections. */
function* sections(text: string, file: string): Generator<Section> {
  let section: Section | undefined;
  let number = 0;
  for (let start = 0, end = 0; start <= text.length; start = end + 1) {
    end = text.indexOf("\n", start);
    if (end < 0) end = text.length;
    number++;
    const line = text.slice(start, end).trim();
    if (line === "" || line.startsWith("#")) continue;
    if (line.startsWith("[") && line.endsWith("]")) {
      if (section !== undefined) yield section;
      section = { name: line.slice(1, -1).trim(), line: { number, text: line }, values: new Map() };
      continue;
    }
    const equals = line.indexOf("=");
    const word = equals < 0 ? "" : line.slice(0, equals).trimEnd().toLowerCase();
    if (section === undefined || !isDirective(word) || section.values.has(word)) {
      // Of a line that may hold a secret, only the name is quoted.
      const place: Line = { number, text: isDirective(word) ? word : "…" };
      if (section === undefined) throw complaint(file, place, "all directives must belong to a client");
      if (!isDirective(word)) throw complaint(file, place, "unknown directive of a client");
      throw complaint(file, place, `${word} is given twice`);
    }
    const rest = line.slice(equals + 1).trimStart();
    const value = rest.includes("#") ? rest.replace(/\s+#.*$/, "") : rest;
    section.values.set(word, { number, text: line, value });
  }
  if (section !== undefined) yield section;
}

function complaint(file: string, { number, text }: Line, why: string): ClientsError {
  return new ClientsError(`${file}:${number}: ${why}: "${text}"`);
}
