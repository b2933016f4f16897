// Counts attempts by country, network and place.

import type { SourceKey } from "../read/packet-line.ts";
import type { CountryRow, NetworkRow, PlaceRow } from "../report.ts";
import { evictSmallest } from "./evict.ts";
import { countryName, type GeoIp } from "./geoip.ts";
import type { Source } from "./sources.ts";

/** The maximum of networks and of places. The smallest are dropped. */
const MAX = 65_536;

interface Count {
  attempts: number;
  sources: number;
}

export class Origins {
  readonly #geoIp: GeoIp;
  readonly #countries = new Map<string, Count>();
  readonly #networks = new Map<string, Count>();
  readonly #places = new Map<string, { attempts: number; readonly row: Omit<PlaceRow, "attempts"> }>();
  networksForgotten = 0;

  constructor(geoIp: GeoIp) {
    this.#geoIp = geoIp;
  }

  /** Adds all attempts of a source. */
  add(key: SourceKey, { attempts }: Source): void {
    const { country, network, place } = this.#geoIp.find(key);
    count(this.#countries, country, attempts);
    if (this.#networks.size >= MAX) evictSmallest(this.#networks, MAX >> 1, () => this.networksForgotten++);
    count(this.#networks, network, attempts);
    if (place === undefined) return;
    if (this.#places.size >= MAX) evictSmallest(this.#places, MAX >> 1, () => {});
    const id = `${place.latitude} ${place.longitude} ${place.name}`;
    const known = this.#places.get(id);
    if (known === undefined) this.#places.set(id, { attempts, row: place });
    else known.attempts += attempts;
  }

  countries(): CountryRow[] {
    return Array.from(this.#countries, ([code, both]) => ({ code, name: countryName(code), ...both }));
  }

  networks(): NetworkRow[] {
    return Array.from(this.#networks, ([network, both]) => ({ network, ...both }));
  }

  places(): PlaceRow[] {
    return Array.from(this.#places.values(), ({ row, attempts }) => ({ ...row, attempts }));
  }
}

function count(map: Map<string, Count>, key: string, attempts: number): void {
  const known = map.get(key);
  if (known === undefined) map.set(key, { attempts, sources: 1 });
  else {
    known.attempts += attempts;
    known.sources++;
  }
}
