// The clients file, /etc/knockd/clients: the grammar of knockd.conf, with one section for each client. It contains
// secrets, so only root may read it.

import * as fs from "node:fs";
import { type Network, parseNetwork } from "../net/network.ts";
import { readRegularFile } from "../platform/read-file.ts";
import { systemErrorText } from "../platform/system-error.ts";
import { requireTrusted } from "../platform/trusted-file.ts";
import { blockSize, CLIENT_NAME, type Client, knocksOf } from "./client.ts";
import { checkBlocks } from "./client-checks.ts";
import { ClientSections, ClientsError } from "./client-sections.ts";
import type { ClientKind } from "./derive.ts";
import { type Hours, parseHours } from "./hours.ts";
import { parseSecret, type Secret } from "./secret.ts";

const READ_BY_OTHERS = 0o077;
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
  const sections = new ClientSections(text, file);
  const blocks: KnownBlocks = new Map();
  while (sections.next()) {
    const { name, line } = sections;
    if (!CLIENT_NAME.test(name)) throw sections.complaint(line, "a client's name is 1 to 32 of A-Z a-z 0-9 . _ -");
    const before = names.get(name);
    if (before !== undefined) throw sections.complaint(line, `client "${name}" is already defined in line ${before}`);
    names.set(name, line);
    clients.push(parseClient(sections, blocks));
  }
  const overlap = checkBlocks(clients);
  if (overlap !== undefined) throw new ClientsError(`${file}:${overlap.client.line}: ${overlap.why}`);
  return clients;
}

/** By their text in the file, so that all keys of a door share one array. */
type KnownBlocks = Map<string, readonly number[]>;

function parseClient(section: ClientSections, known: KnownBlocks): Client {
  const kind = section.read("kind", parseKind) ?? "code";
  const digits = section.read("digits", (value) => parseDigits(value, kind)) ?? DIGITS[kind];
  const bind = section.read("bind", parseYesNo) ?? false;
  if (bind && kind !== "key") throw section.refuse("bind", "only a key can be bound to an address");
  const door = section.required("door");
  const secret = section.parse("secret", section.required("secret"), kind === "key" ? parseKey : parseBase32);
  const ports = section.required("ports");
  const alike = `${kind} ${digits} ${ports}`;
  let blocks = known.get(alike);
  if (blocks === undefined) {
    blocks = section.parse("ports", ports, (value) => parseBlocks(value, kind, knocksOf({ kind, digits })));
    known.set(alike, blocks);
  }
  return {
    name: section.name,
    door,
    kind,
    secret,
    blocks,
    protocol: section.read("proto", parseProtocol) ?? "tcp",
    digits,
    from: section.read("from", parseFrom) ?? NO_NETWORKS,
    hours: section.read("hours", parseHoursStrictly),
    expires: section.read("expires", parseDay),
    bind,
    line: section.line,
  };
}

const NO_NETWORKS: readonly Network[] = [];
const parseKind = (value: string): ClientKind => oneOf(value, KINDS);
const parseYesNo = (value: string): boolean => oneOf(value, ["yes", "no"]) === "yes";
const parseProtocol = (value: string): "tcp" | "udp" => oneOf(value, ["tcp", "udp"]);
const parseKey = (value: string): Secret => parseSecret(value, "key");
const parseBase32 = (value: string): Secret => parseSecret(value, "code");

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
  const word = value.toLowerCase() as T;
  if (!words.includes(word)) throw new Error(`"${value}" is not one of ${words.join(", ")}`);
  return word;
}
