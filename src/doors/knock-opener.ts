// Opens a door for a client that has made its last knock. First it strikes out a one-time sequence or records a used code,
// so that neither counts twice.

import type { Door } from "../config/door.ts";
import type { DoorNotice } from "../events/door-event.ts";
import type { DoorOpener, LetIn } from "../events/door-opener.ts";
import type { Address } from "../net/address.ts";
import type { ExpectedKnock } from "../net/expected-knock.ts";
import { systemErrorText } from "../platform/system-error.ts";
import { atMost } from "../platform/timer.ts";
import type { OneTimeFiles } from "../sequences/one-time-file.ts";
import { LONGEST_WAIT_MS } from "./ledger.ts";

export interface KnockOpenerOptions {
  readonly doors: () => Pick<DoorOpener, "letIn" | "expect" | "endExpectation" | "open">;
  readonly files: OneTimeFiles;
  readonly onNotice: (notice: DoorNotice) => void;
  /** A one-time sequence of `door` is used. `next` is the same door with its next sequence; undefined disables the door. */
  readonly onUsed: (door: Door, next: Door | undefined) => void;
  /** Resolves with true when all used codes are on the disk, and with false if they cannot be written. */
  readonly keepCodes?: (() => Promise<boolean>) | undefined;
}

export class KnockOpener {
  readonly #options: KnockOpenerOptions;
  /** A field of its own: V8 compiles for the shape of an object, and the callers' options differ (daemon/warm-up.ts). */
  readonly #doors: KnockOpenerOptions["doors"];

  constructor(options: KnockOpenerOptions) {
    this.#options = options;
    this.#doors = options.doors;
  }

  /** Opens a built-in door at once. This comes before anything is logged, because the client waits for it. */
  letIn(door: Door, knocker: Address): LetIn {
    return isOpenedAtOnce(door) ? this.#doors().letIn(door, knocker) : undefined;
  }

  /** Lets the next knock open a built-in door before anything is decided (net/expected-knock.ts). */
  expect(door: Door, knock: ExpectedKnock): void {
    if (isOpenedAtOnce(door)) this.#doors().expect?.(door, knock);
  }

  endExpectation(): void {
    this.#doors().endExpectation?.();
  }

  /** `client`: the name of the client whose code it was. */
  open(door: Door, knocker: Address, letIn?: LetIn, client?: string): void {
    if (client !== undefined) {
      void this.#keepUsed(door, knocker, client);
      return;
    }
    const { oneTimeSequences: path } = door;
    const onDisk = path === undefined ? undefined : this.#useUp(door, path);
    if (onDisk === undefined) this.#doors().open(door, knocker, undefined, letIn);
    else void atMost(LONGEST_WAIT_MS, onDisk).then(() => this.#doors().open(door, knocker));
  }

  /** Opens the door after the used code is on the disk, or after writing it has failed. */
  async #keepUsed(door: Door, knocker: Address, client: string): Promise<void> {
    const { keepCodes, onNotice } = this.#options;
    const isList = door.clients.some(({ name, kind }) => name === client && kind === "list");
    const kept = keepCodes?.() ?? Promise.resolve(true);
    await (isList ? kept : atMost(LONGEST_WAIT_MS, kept));
    // A list's counter must never go back. Other codes expire within a minute.
    if (isList && !(await kept)) onNotice({ type: "code not kept", door: door.name, client });
    else this.#doors().open(commandsFor(door, client), knocker);
  }

  /** Strikes the sequence out. Resolves when that is on the disk; undefined if there is nothing to wait for. */
  #useUp(door: Door, path: string): Promise<void> | undefined {
    const { files, onNotice, onUsed } = this.#options;
    onUsed(door, this.#doorAfterUse(door, path));
    return files
      .bringToDisk?.(path)
      .catch((error) => onNotice({ type: "use not on disk", path, reason: systemErrorText(error) }));
  }

  /**
   * Returns the door with its next sequence. Returns undefined, and reports why, if no sequence is left or the file cannot be
   * written: the used sequence would count again.
   */
  #doorAfterUse(door: Door, path: string): Door | undefined {
    const { files, onNotice } = this.#options;
    const { name } = door;
    try {
      files.strikeOut(path, door.sequence);
      const warn = (reason: string) => onNotice({ type: "sequences file warning", door: name, reason });
      const sequence = files.nextOneTime(path, warn);
      if (sequence !== undefined) return { ...door, sequence };
      onNotice({ type: "sequences used up", door: name });
    } catch (error) {
      onNotice({ type: "not struck out", door: name, reason: (error as Error).message });
    }
    return undefined;
  }
}

/** One-time sequences are struck out before. */
function isOpenedAtOnce({ opening, oneTimeSequences }: Door): boolean {
  return opening !== undefined && oneTimeSequences === undefined;
}

/** The door with the client's name in its commands. */
function commandsFor(door: Door, client: string): Door {
  const named = (command: string | undefined) => command?.replaceAll("%CLIENT%", () => client);
  return {
    ...door,
    startCommand: named(door.startCommand),
    stopCommand: named(door.stopCommand),
    startCommand6: named(door.startCommand6),
    stopCommand6: named(door.stopCommand6),
  };
}
