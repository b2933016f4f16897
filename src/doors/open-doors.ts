// The doors that are open and will be closed again, each for one client.

import type { OpenDoorInfo } from "../events/door-outcome.ts";
import { type Address, formatAddress } from "../net/address.ts";
import { SharedLimit } from "../runner/shared-limit.ts";
import type { LedgerEntry } from "./ledger-entry.ts";
import { keyOf, type OpenDoor } from "./open-door.ts";

const MAX_OPEN = 65_536;

export class OpenDoors {
  readonly #now: () => number;
  readonly #all = new Map<string, OpenDoor>();
  readonly #room = new SharedLimit(MAX_OPEN);

  /** `now` in seconds of the monotonic clock. */
  constructor(now: () => number) {
    this.#now = now;
  }

  get size(): number {
    return this.#all.size;
  }

  get(key: string): OpenDoor | undefined {
    return this.#all.get(key);
  }

  values(): Iterable<OpenDoor> {
    return this.#all.values();
  }

  hasRoomFor(door: string): boolean {
    return this.#room.hasFor(door);
  }

  /** Adds a start command that must be undone. */
  add(entry: LedgerEntry, knocker: Address): OpenDoor {
    const { door } = entry;
    const key = keyOf(door, entry.ip);
    let open = this.#all.get(key);
    if (open === undefined) {
      open = { key, door, knocker, pendingCloses: [], due: this.#now(), timer: undefined, isTold: false };
      this.#all.set(key, open);
      this.#room.add(door);
    }
    open.pendingCloses.push(entry);
    return open;
  }

  remove(open: OpenDoor): void {
    if (this.#all.get(open.key) !== open) return; // it was removed, or opened again since
    this.#all.delete(open.key);
    this.#room.remove(open.door);
  }

  *standing(): Iterable<OpenDoorInfo> {
    for (const { door, knocker, due, timer } of this.#all.values()) {
      yield { door, ip: formatAddress(knocker), left: timer && Math.max(0, due - this.#now()) };
    }
  }
}
