// Counts the lines of the logs in bounded memory, and makes the report.

import { plural } from "../../terminal/plural.ts";
import type { KnockLine } from "../read/knock-line.ts";
import type { PacketLine, SourceKey } from "../read/packet-line.ts";
import type { LineRow, PortRow, Report, SourceRow } from "../report.ts";
import { Doors } from "./doors.ts";
import { addressText, type GeoIp } from "./geoip.ts";
import { Origins } from "./origins.ts";
import { protocolName, type Services } from "./port-names.ts";
import { portSets } from "./port-sets.ts";
import { type Bounds, portKey, portsOf, type Source, Sources } from "./sources.ts";
import { days, hours, leftOutOfTimeline, QUARTER_S } from "./timeline.ts";

/** The maximum of rows in each list of the report. */
const MAX_ROWS = 1000;

export interface LinesRead {
  readonly lines: number;
  /** The lines that were left out, by reason. */
  readonly rows: readonly LineRow[];
  /** Attempts that a rule rejected, by its prefix. */
  readonly rejected: number;
}

export class Tally {
  #attempts = 0;
  #since = Number.POSITIVE_INFINITY;
  #until = Number.NEGATIVE_INFINITY;
  #host = "";
  #severalHosts = false;
  readonly #ports = new Map<number, { attempts: number; sources: number }>();
  readonly #quarters = new Map<number, number>();
  readonly #sources: Sources;
  readonly #origins: Origins;
  readonly #doors = new Doors();
  readonly #geoIp: GeoIp;
  readonly #services: Services;

  constructor(geoIp: GeoIp, services: Services, bounds?: Bounds) {
    this.#geoIp = geoIp;
    this.#services = services;
    this.#origins = new Origins(geoIp);
    this.#sources = new Sources((key, source) => this.#origins.add(key, source), bounds);
  }

  packet({ source, protocol, port }: PacketLine, time: number, host: string): void {
    this.#attempts++;
    this.#seen(time, host);
    const quarter = Math.floor(time / QUARTER_S);
    this.#quarters.set(quarter, (this.#quarters.get(quarter) ?? 0) + 1);
    const key = portKey(protocol, port);
    const isNew = this.#sources.touch(source, time, key) ? 1 : 0;
    const known = this.#ports.get(key);
    if (known === undefined) this.#ports.set(key, { attempts: 1, sources: isNew });
    else {
      known.attempts++;
      known.sources += isNew;
    }
  }

  knock(line: KnockLine, time: number, host: string): void {
    this.#seen(time, host);
    this.#doors.add(line);
  }

  /** Call it once, at the end. `notes`: sentences about the lines that were read. */
  report(at: number, notes: readonly string[], { lines, rows, rejected }: LinesRead): Report {
    const { map, forgotten } = this.#sources;
    for (const [key, source] of map) this.#origins.add(key, source);
    const sets = portSets(map.values(), (key) => `${protocolName(Math.floor(key / 65_536))}/${key % 65_536}`);
    const leftOut = [...notes, ...this.#leftOut(sets.many)];
    const most = <T>(what: string, rows: T[]): T[] => {
      if (rows.length > MAX_ROWS) leftOut.push(`Of ${rows.length} ${what}, ${MAX_ROWS} are listed.`);
      return rows.slice(0, MAX_ROWS);
    };
    return {
      since: Number.isFinite(this.#since) ? this.#since : undefined,
      until: Number.isFinite(this.#until) ? this.#until : undefined,
      at,
      host: this.#host,
      attempts: this.#attempts,
      rejected,
      lines,
      linesLeftOut: rows,
      sources: map.size + forgotten,
      ports: most(
        "ports",
        sorted(this.#portRows(), ({ protocol, port }) => `${protocol} ${`${port}`.padStart(5)}`),
      ),
      countries: sorted(this.#origins.countries(), ({ code }) => code),
      networks: most(
        "networks",
        sorted(this.#origins.networks(), ({ network }) => network),
      ),
      places: most(
        "places",
        sorted(this.#origins.places(), ({ name }) => name),
      ),
      top: most("sources", byAttempts(map)).map(([key, source]) => this.#row(key, source)),
      hours: hours(this.#quarters),
      days: days(this.#quarters),
      together: most("sets of ports that were tried together", sets.rows),
      doors: this.#doors.rows(),
      leftOut,
      sourcesOfData: this.#geoIp.sourcesOfData,
    };
  }

  #seen(time: number, host: string): void {
    if (time < this.#since) this.#since = time;
    if (time > this.#until) this.#until = time;
    if (host === this.#host || host === "") return;
    if (this.#host === "") this.#host = host;
    else this.#severalHosts = true;
  }

  #portRows(): PortRow[] {
    return Array.from(this.#ports, ([key, both]) => {
      const [protocol, port] = [protocolName(Math.floor(key / 65_536)), key % 65_536];
      return { protocol, port, service: this.#services.name(protocol, port), ...both };
    });
  }

  #row(key: SourceKey, source: Source): SourceRow {
    const { country, network } = this.#geoIp.find(key);
    const { attempts, first, last } = source;
    return { address: addressText(key), country, network, attempts, ports: portsOf(source), first, last };
  }

  #leftOut(many: number): string[] {
    const { forgotten, portsNotKept } = this.#sources;
    const sentences = leftOutOfTimeline(this.#quarters);
    if (this.#severalHosts) sentences.push("Lines of more than one host were counted together.");
    if (forgotten > 0) {
      sentences.push(
        `Too many sources to remember: ${forgotten} with few attempts were forgotten. Their attempts still count in the totals. If a forgotten source came again, it counts as another one.`,
      );
    }
    if (portsNotKept > 0)
      sentences.push(`The ports of ${plural(portsNotKept, "attempt")} could not be remembered with their source.`);
    if (this.#origins.networksForgotten > 0)
      sentences.push(
        `Too many networks to remember: ${plural(this.#origins.networksForgotten, "network")} with few attempts forgotten.`,
      );
    if (many > 0)
      sentences.push(
        `${plural(many, "source")} tried more than a dozen ports each: the ports tried together do not include them.`,
      );
    return [...sentences, ...this.#doors.leftOut()];
  }
}

/** Among equals, the source that appeared first. Sorting a quarter of a million by name would take seconds. */
function byAttempts(sources: ReadonlyMap<SourceKey, Source>): [SourceKey, Source][] {
  return [...sources].sort(([, a], [, b]) => b.attempts - a.attempts);
}

/** Most attempts first. Among equals, by name. */
function sorted<T extends { readonly attempts: number }>(rows: T[], name: (row: T) => string): T[] {
  return rows.sort((a, b) => b.attempts - a.attempts || (name(a) < name(b) ? -1 : 1));
}
