// Who sent packets, and to which ports: exact up to a quarter of a million sources, and bounded beyond.

import type { SourceKey } from "../read/packet-line.ts";
import { forgetSmallest } from "./evict.ts";

export interface Source {
  attempts: number;
  first: number;
  last: number;
  /** Each once, as `portKey`. A list while they are few: most sources try one. */
  ports: number[] | Set<number>;
}

export interface Bounds {
  readonly sources: number;
  /** Ports that are remembered, of all sources together. */
  readonly ports: number;
}

const BOUNDS: Bounds = { sources: 262_144, ports: 1_000_000 };
const MOST_IN_LIST = 16;

export const portKey = (protocol: number, port: number): number => protocol * 65_536 + port;

export class Sources {
  readonly map = new Map<SourceKey, Source>();
  /** Those that are not in the map any more; who comes again is counted again. */
  forgotten = 0;
  /** Attempts at ports that were not remembered of their source, because of the bound. */
  portsNotKept = 0;
  readonly #bounds: Bounds;
  readonly #forget: (key: SourceKey, source: Source) => void;
  #portsKept = 0;

  /** `forget` is told of each that has to go. */
  constructor(forget: (key: SourceKey, source: Source) => void, bounds: Bounds = BOUNDS) {
    this.#bounds = bounds;
    this.#forget = forget;
  }

  /** Is this port new for this source? */
  touch(key: SourceKey, time: number, port: number): boolean {
    const source = this.map.get(key);
    if (source === undefined) {
      if (this.map.size >= this.#bounds.sources) this.#makeRoom();
      const isKept = this.#hasRoomForPort();
      // A list that is made empty and then pushed to has room for 17: of a quarter of a million, 30 MB.
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
    else if (ports.push(port) > MOST_IN_LIST) source.ports = new Set(ports);
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
    forgetSmallest(this.map, this.#bounds.sources >> 1, (key, source) => {
      this.forgotten++;
      this.#portsKept -= portsOf(source);
      this.#forget(key, source);
    });
  }
}

export function portsOf({ ports }: Source): number {
  return Array.isArray(ports) ? ports.length : ports.size;
}
