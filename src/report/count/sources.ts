// Counts attempts and ports by source: exact up to a quarter of a million sources, in bounded memory beyond.

import type { SourceKey } from "../read/packet-line.ts";
import { evictSmallest } from "./evict.ts";

export interface Source {
  attempts: number;
  first: number;
  last: number;
  /** Distinct ports, as `portKey`. A list while they are few, because most sources try one port. */
  ports: number[] | Set<number>;
}

export interface Bounds {
  readonly sources: number;
  /** The maximum of remembered ports, for all sources together. */
  readonly ports: number;
}

const BOUNDS: Bounds = { sources: 262_144, ports: 1_000_000 };
const MAX_IN_LIST = 16;

export const portKey = (protocol: number, port: number): number => protocol * 65_536 + port;

export class Sources {
  readonly map = new Map<SourceKey, Source>();
  /** The number of dropped sources. A dropped source that returns counts as a new one. */
  forgotten = 0;
  /** Attempts whose port was not remembered for their source, because of the limit. */
  portsNotKept = 0;
  readonly #bounds: Bounds;
  readonly #forget: (key: SourceKey, source: Source) => void;
  #portsKept = 0;

  /** Calls `forget` for each dropped source. */
  constructor(forget: (key: SourceKey, source: Source) => void, bounds: Bounds = BOUNDS) {
    this.#bounds = bounds;
    this.#forget = forget;
  }

  /** Counts an attempt. Returns whether the port is new for this source. */
  touch(key: SourceKey, time: number, port: number): boolean {
    const source = this.map.get(key);
    if (source === undefined) {
      if (this.map.size >= this.#bounds.sources) this.#makeRoom();
      const isKept = this.#hasRoomForPort();
      // An empty list that grows by push() reserves room for 17 numbers: 30 MB for a quarter of a million sources.
      this.map.set(key, { attempts: 1, first: time, last: time, ports: isKept ? [port] : [] });
      return isKept;
    }
    source.attempts++;
    if (time < source.first) source.first = time;
    if (time > source.last) source.last = time;
    const { ports } = source;
    if (Array.isArray(ports) ? ports.includes(port) : ports.has(port)) return false;
    if (!this.#hasRoomForPort()) return false;
    if (!Array.isArray(ports)) ports.add(port);
    else if (ports.push(port) > MAX_IN_LIST) source.ports = new Set(ports);
    return true;
  }

  #hasRoomForPort(): boolean {
    if (this.#portsKept >= this.#bounds.ports) {
      this.portsNotKept++;
      return false;
    }
    this.#portsKept++;
    return true;
  }

  #makeRoom(): void {
    evictSmallest(this.map, this.#bounds.sources >> 1, (key, source) => {
      this.forgotten++;
      this.#portsKept -= portsOf(source);
      this.#forget(key, source);
    });
  }
}

export function portsOf({ ports }: Source): number {
  return Array.isArray(ports) ? ports.length : ports.size;
}
