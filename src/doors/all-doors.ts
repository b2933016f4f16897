// All doors behind one interface: those that the kernel opens, those that run commands, and those that do both.

import type { Door } from "../config/door.ts";
import { commandsOf } from "../config/door-commands.ts";
import type { DoorEvent } from "../events/door-event.ts";
import type { DoorOpener, LetIn } from "../events/door-opener.ts";
import {
  type CommandOutcome,
  type DoorRefusal,
  NOT_OPEN,
  type OpenDoorInfo,
  STAYS_OPEN,
} from "../events/door-outcome.ts";
import { FirewallError } from "../firewall/firewall-error.ts";
import type { Address } from "../net/address.ts";
import type { ExpectedKnock } from "../net/expected-knock.ts";
import type { Doorkeeper } from "./doorkeeper.ts";
import type { KernelDoors } from "./kernel-doors.ts";

/** One function for all openings, so that none is made for each. */
function ignoreOutcome(): void {}

export class AllDoors implements DoorOpener {
  readonly #kernelDoors: KernelDoors;
  readonly #doorkeeper: Doorkeeper;
  readonly #onEvent: (event: DoorEvent) => void;

  constructor(kernelDoors: KernelDoors, doorkeeper: Doorkeeper, onEvent: (event: DoorEvent) => void) {
    this.#kernelDoors = kernelDoors;
    this.#doorkeeper = doorkeeper;
    this.#onEvent = onEvent;
  }

  get size(): number {
    return this.#kernelDoors.size + this.#doorkeeper.size;
  }

  *openDoors(): Generator<OpenDoorInfo> {
    try {
      yield* this.#kernelDoors.openDoors();
    } catch (error) {
      if (!(error instanceof FirewallError)) throw error; // the kernel does not answer: the next opening reports why
    }
    yield* this.#doorkeeper.openDoors();
  }

  letIn(door: Door, knocker: Address): LetIn {
    return this.#kernelDoors.letIn(door, knocker);
  }

  expect(door: Door, knock: ExpectedKnock): void {
    this.#kernelDoors.expect(door, knock);
  }

  endExpectation(): void {
    this.#kernelDoors.endExpectation();
  }

  open(
    door: Door,
    knocker: Address,
    onDone: (outcome: CommandOutcome) => void = ignoreOutcome,
    letIn: LetIn = this.letIn(door, knocker),
  ): void {
    if (letIn === undefined) {
      this.#doorkeeper.open(door, knocker, onDone);
      return;
    }
    const outcome = this.#kernelDoors.report(door, knocker, letIn);
    if (!commandsOf(door, knocker).start) onDone(outcome);
    else this.#doorkeeper.open(door, knocker, (ended) => onDone("refused" in outcome ? outcome : ended));
  }

  openByHand(door: Door, knocker: Address): Promise<CommandOutcome> {
    if (door.opening === undefined) return this.#doorkeeper.openByHand(door, knocker);
    this.#onEvent({ type: "opened by hand", door: door.name, knocker });
    return new Promise((resolve) => this.open(door, knocker, resolve));
  }

  async closeByHand(door: string, knocker: Address): Promise<CommandOutcome> {
    const wasOpen = refusing(() => this.#kernelDoors.close(door, knocker));
    if (typeof wasOpen === "object") return wasOpen;
    const outcome = await this.#doorkeeper.closeByHand(door, knocker);
    if (outcome !== NOT_OPEN || !wasOpen) return outcome;
    this.#onEvent({ type: "closed by hand", door, knocker });
    return { status: 0 };
  }

  async extendByHand(door: string, knocker: Address, seconds: number): Promise<number | DoorRefusal> {
    const left = refusing(() => this.#kernelDoors.extend(door, knocker, seconds));
    if (typeof left === "object") return left;
    const commands = await this.#doorkeeper.extendByHand(door, knocker, seconds);
    if (left === undefined || commands !== NOT_OPEN) return commands;
    if (left === Number.POSITIVE_INFINITY) return STAYS_OPEN;
    this.#onEvent({ type: "extended by hand", door, knocker, seconds });
    return left;
  }
}

function refusing<T>(change: () => T): T | DoorRefusal {
  try {
    return change();
  } catch (error) {
    if (!(error instanceof FirewallError)) throw error;
    return { refused: error.message };
  }
}
