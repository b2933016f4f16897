// Opens a door for a client that has made its last knock. A one-time sequence is struck out first, so that it never
// counts twice.

import type { Door } from "../config/door.ts";
import type { DoorNotice } from "../events/door-event.ts";
import type { DoorOpener, LetIn } from "../events/door-opener.ts";
import type { Address } from "../net/address.ts";
import { systemErrorText } from "../platform/system-error.ts";
import { atMost } from "../platform/timer.ts";
import type { OneTimeFiles } from "../sequences/one-time-file.ts";
import { LONGEST_WAIT_MS } from "./ledger.ts";

export interface KnockOpenerOptions {
  readonly doors: () => Pick<DoorOpener, "letIn" | "open">;
  readonly files: OneTimeFiles;
  readonly onNotice: (notice: DoorNotice) => void;
  /** A one-time sequence of `door` is used up: `next` takes the door's place; undefined: the door is disabled. */
  readonly onUsed: (door: Door, next: Door | undefined) => void;
  /** Resolves when all used codes are on the disk; with false when they can't be. */
  readonly keepCodes?: (() => Promise<boolean>) | undefined;
}

export class KnockOpener {
  readonly #options: KnockOpenerOptions;
  /** Apart from the options, whose shape is the caller's (daemon/warm-up.ts). */
  readonly #doors: KnockOpenerOptions["doors"];

  constructor(options: KnockOpenerOptions) {
    this.#options = options;
    this.#doors = options.doors;
  }

  /** What the kernel does alone happens before anything is logged: the client waits for that. */
  letIn(door: Door, knocker: Address): LetIn {
    const isBuiltIn = door.opening !== undefined && door.oneTimeSequences === undefined;
    return isBuiltIn ? this.#doors().letIn(door, knocker) : undefined;
  }

  /** `client`: by whose code. */
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

  /** Before the door opens it is on the disk that the code was used, or known that it can't be. */
  async #keepUsed(door: Door, knocker: Address, client: string): Promise<void> {
    const { keepCodes, onNotice } = this.#options;
    const isList = door.clients.some(({ name, kind }) => name === client && kind === "list");
    const kept = keepCodes?.() ?? Promise.resolve(true);
    await (isList ? kept : atMost(LONGEST_WAIT_MS, kept));
    // A list's counter must never come back; other codes are over in a minute.
    if (isList && !(await kept)) onNotice({ type: "code not kept", door: door.name, client });
    else this.#doors().open(commandsFor(door, client), knocker);
  }

  /** Undefined when nothing is to be brought to the disk. */
  #useUp(door: Door, path: string): Promise<void> | undefined {
    const { files, onNotice, onUsed } = this.#options;
    onUsed(door, this.#doorAfterUse(door, path));
    return files
      .bringToDisk?.(path)
      .catch((error) => onNotice({ type: "use not on disk", path, reason: systemErrorText(error) }));
  }

  /**
   * The door with its next sequence. Undefined, and reported, when there is none or when the file cannot be written: the
   * sequence would count again.
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

/** Its commands know whose code it was. */
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
