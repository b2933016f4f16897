// What the daemon remembers about clients with codes, across reloads and restarts.

import { ClientRecords } from "../codes/client-records.ts";
import type { ClientStates } from "../codes/client-states.ts";
import { WINDOW_SECONDS } from "../codes/derive.ts";
import type { Door } from "../config/door.ts";
import type { DoorService } from "../doors/door-service.ts";
import { LONGEST_WAIT_MS } from "../doors/ledger.ts";
import type { DoorNotice } from "../events/door-event.ts";
import { parseAddress } from "../net/address.ts";
import { after, atMost } from "../platform/timer.ts";

/** If the last used code is further in the future than this, a clock was wrong when it was used. */
const CLOCK_AHEAD_MS = 600_000;
/** The numbers of wrong codes and of openings are written at most this late. A crash may lose them. */
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

  /** Undefined if no door has ever had clients. */
  get states(): ClientStates | undefined {
    return this.#records?.states;
  }

  /** Locks the file. Throws AlreadyRunning if another daemon uses it. Call `adopt` once the config is accepted. */
  claim(doors: readonly Door[], path: string): void {
    if (this.#isNew(doors, path)) this.#doorService.claimClients(path);
  }

  /** Sets the doors. The records stay, unless the config now names another file. */
  adopt(doors: readonly Door[], path: string): void {
    if (this.#isNew(doors, path)) {
      const onTrouble = (reason: string) => this.#onNotice({ type: "clients trouble", reason });
      this.#records = new ClientRecords(path, { now: this.#now, wallClock: Date.now, onTrouble });
    }
    const states = this.#records?.states;
    const clients = doors.flatMap((door) => door.clients);
    states?.use(clients);
    if (states?.lostAt === undefined) return;
    // Write a file, so that the next start knows that the records of all these clients were lost.
    for (const client of clients) states.of(client);
    void this.#records!.save();
  }

  #isNew(doors: readonly Door[], path: string): boolean {
    return doors.some(({ clients }) => clients.length > 0) && this.#records?.path !== path;
  }

  /** Warnings about clients that have used a code while a clock was ahead. */
  warnings(doors: readonly Door[]): string[] {
    const soon = Date.now() + CLOCK_AHEAD_MS;
    const lines: string[] = [];
    for (const { clients } of doors)
      for (const client of clients) {
        const until = 1000 * WINDOW_SECONDS * this.#records!.states.of(client).last;
        if (client.kind === "list" || until <= soon) continue;
        lines.push(
          `client ${client.name}: a code of ${new Date(until).toISOString()} was used, and none before counts`,
        );
      }
    return lines;
  }

  /** Call this before an opening. Resolves when all used codes are on the disk; with false if they cannot be written. */
  settled(): Promise<boolean> {
    this.#writeCountsSoon();
    return this.#records!.settled();
  }

  /** Writes a used code at once, so that it is on the disk when its door opens. Wrong codes are written now and then. */
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

  /** On_Replay = close: closes the door for the address that used the code first, which may have stolen it. */
  onReplay(door: Door, other: string | undefined): void {
    const address = other === undefined ? undefined : parseAddress(other);
    if (door.policy.onReplay === "close" && address !== undefined)
      void this.#doorService.doors.closeByHand(door.name, address);
  }

  /** Forgets which codes a client has used. False if there is no client of this name. */
  async reset(name: string, last: number): Promise<boolean> {
    if (this.#records?.states.reset(name, last) !== true) return false;
    await this.#records.save();
    return true;
  }

  /** Call this when no further code is decided. */
  async end(): Promise<void> {
    this.#counting?.cancel();
    if (this.#records?.states.isCounted) await atMost(LONGEST_WAIT_MS, this.#records.save());
  }
}
