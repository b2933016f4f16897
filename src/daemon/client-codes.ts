// What the daemon keeps of the clients whose codes open its doors, over reloads and restarts.

import { ClientRecords } from "../codes/client-records.ts";
import type { ClientStates } from "../codes/client-states.ts";
import { WINDOW_SECONDS } from "../codes/derive.ts";
import type { Door } from "../config/door.ts";
import type { DoorService } from "../doors/door-service.ts";
import { LONGEST_WAIT_MS } from "../doors/ledger.ts";
import type { DoorNotice } from "../events/door-event.ts";
import { parseAddress } from "../net/address.ts";
import { after, atMost } from "../platform/timer.ts";

/** A code may be of some windows later. If it is of more, a clock was wrong when it was used. */
const CLOCK_AHEAD_MS = 600_000;
/** Wrong codes and openings are written down at most this late: only their numbers would be lost. */
const COUNTING_SECONDS = 10;

export class ClientCodes {
  readonly #doorService: DoorService;
  readonly #onNotice: (notice: DoorNotice) => void;
  readonly #now: () => number;
  #records: ClientRecords | undefined;
  #counting: { cancel(): void } | undefined;

  /** `now` in milliseconds, monotonic. */
  constructor(doorService: DoorService, onNotice: (notice: DoorNotice) => void, now: () => number) {
    this.#doorService = doorService;
    this.#onNotice = onNotice;
    this.#now = now;
  }

  /** Undefined when no door has ever had clients. */
  get states(): ClientStates | undefined {
    return this.#records?.states;
  }

  /** Throws AlreadyRunning when another daemon keeps the file. Before `adopt`, which is for a config that is accepted. */
  claim(doors: readonly Door[], path: string): void {
    if (this.#isNew(doors, path)) this.#doorService.claimClients(path);
  }

  /** From now on these doors. What is known stays, unless it is kept at another path now. */
  adopt(doors: readonly Door[], path: string): void {
    if (this.#isNew(doors, path)) {
      const onTrouble = (reason: string) => this.#onNotice({ type: "clients trouble", reason });
      this.#records = new ClientRecords(path, { now: this.#now, wallClock: Date.now, onTrouble });
    }
    const states = this.#records?.states;
    const clients = doors.flatMap((door) => door.clients);
    states?.use(clients);
    if (states?.lostAt === undefined) return;
    // So that there is a file at the next start, by which all of these have lost what they used.
    for (const client of clients) states.of(client);
    void this.#records!.save();
  }

  #isNew(doors: readonly Door[], path: string): boolean {
    return doors.some(({ clients }) => clients.length > 0) && this.#records?.path !== path;
  }

  /** Clients who have used a code while a clock was ahead. */
  warnings(doors: readonly Door[]): string[] {
    const soon = Date.now() + CLOCK_AHEAD_MS;
    const clients = doors.flatMap((door) => door.clients).filter(({ kind }) => kind !== "list");
    return clients.flatMap((client) => {
      const until = 1000 * WINDOW_SECONDS * this.#records!.states.of(client).last;
      if (until <= soon) return [];
      return [`client ${client.name}: a code of ${new Date(until).toISOString()} was used, and none before counts`];
    });
  }

  /** Before an opening. Resolves when all used codes are on the disk; with false when they can't be. */
  settled(): Promise<boolean> {
    this.#writeCountsSoon();
    return this.#records!.settled();
  }

  /** A used code is written down at once, so that its door need not wait for it; wrong ones now and then. */
  onCode(isUsed: boolean): void {
    if (isUsed) void this.#records!.save();
    else this.#writeCountsSoon();
  }

  #writeCountsSoon(): void {
    const records = this.#records!;
    this.#counting ??= after(COUNTING_SECONDS, () => {
      this.#counting = undefined;
      if (records.states.isCounted) void records.save();
    });
  }

  /** On_Replay = close: the one who used the code may have stolen it. */
  onReplay(door: Door, other: string | undefined): void {
    const address = other === undefined ? undefined : parseAddress(other);
    if (door.policy.onReplay === "close" && address !== undefined)
      void this.#doorService.doors.closeByHand(door.name, address);
  }

  /** A client's used codes count as unused. False when there is none of this name. */
  async reset(name: string, last: number): Promise<boolean> {
    if (this.#records?.states.reset(name, last) !== true) return false;
    await this.#records.save();
    return true;
  }

  /** Nothing is decided any more. */
  async end(): Promise<void> {
    this.#counting?.cancel();
    if (this.#records?.states.isCounted) await atMost(LONGEST_WAIT_MS, this.#records.save());
  }
}
