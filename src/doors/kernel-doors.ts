// The doors that need no command. The kernel opens them and closes them on time; this file reports that as events.

import type { Door } from "../config/door.ts";
import { type FirewallOptions, formatPorts } from "../config/opening.ts";
import type { DoorEvent } from "../events/door-event.ts";
import type { CommandOutcome, OpenDoorInfo } from "../events/door-outcome.ts";
import type { Firewall } from "../firewall/firewall.ts";
import { FirewallError } from "../firewall/firewall-error.ts";
import { isBuiltIn } from "../firewall/layout.ts";
import type { OpeningResult } from "../firewall/open-client.ts";
import { type Address, copyOf, formatAddress } from "../net/address.ts";
import type { ExpectedKnock } from "../net/expected-knock.ts";

/** A closing is reported at most this late, together with those that follow soon. */
const GRAIN_SECONDS = 0.25;

export interface KernelDoorsOptions {
  readonly firewall: Firewall;
  readonly onEvent: (event: DoorEvent) => void;
  /** Open doors could not be closed. */
  readonly onFailure: (reason: string) => void;
  readonly after: (seconds: number, callback: () => void) => { cancel(): void };
  /** Seconds, monotonic. */
  readonly now: () => number;
}

export class KernelDoors {
  readonly #options: KernelDoorsOptions;
  #timer: { cancel(): void } | undefined;
  #timerAt = Number.POSITIVE_INFINITY;

  constructor(options: KernelDoorsOptions) {
    this.#options = options;
  }

  get size(): number {
    return this.#options.firewall.size;
  }

  /** Gives the kernel what a config needs. Throws FirewallError; then nothing has changed. */
  apply(doors: readonly Door[], options: FirewallOptions): void {
    this.#options.firewall.apply(doors, options);
    this.#awaitClosing();
  }

  /** Does the table of this config exist, or has an earlier daemon built it? */
  get hasTable(): boolean {
    return this.#options.firewall.hasTable;
  }

  /** Opens or closes the gate until the next `apply`. False if there is no gate. Throws FirewallError. */
  guard(isClosed: boolean): boolean {
    return this.#options.firewall.guard(isClosed);
  }

  /** Lets the client in. Undefined for a door that the kernel does not open. */
  letIn(door: Door, knocker: Address): OpeningResult | undefined {
    return isBuiltIn(door) ? this.#options.firewall.open(door, knocker) : undefined;
  }

  /** Lets the client in at this knock, if it is the next packet. */
  expect(door: Door, knock: ExpectedKnock): void {
    if (isBuiltIn(door)) this.#options.firewall.expect(door, knock);
  }

  /** Ends that. Closes what was opened if `letIn` has not been called for it. */
  endExpectation(): void {
    const { firewall, onFailure } = this.#options;
    try {
      firewall.endExpectation();
    } catch (error) {
      if (!(error instanceof FirewallError)) throw error;
      onFailure(error.message);
    }
  }

  /** Reports what `letIn` has done. */
  report(door: Door, client: Address, result: OpeningResult): CommandOutcome {
    const { opening, name } = door as Door & { readonly opening: NonNullable<Door["opening"]> };
    const at = { door: name, knocker: copyOf(client) };
    const ports = opening.ports.map(formatPorts).join(",");
    const { onEvent } = this.#options;
    if (typeof result === "object") {
      onEvent({ ...at, type: "not opened", ports, reason: result.failed });
      return { refused: result.failed };
    }
    onEvent({ ...at, type: result, ports, seconds: opening.seconds });
    this.#awaitClosing();
    return { status: 0 };
  }

  /** Returns whether the door was open. Throws FirewallError. */
  close(door: string, knocker: Address): boolean {
    return this.#options.firewall.close(door, knocker);
  }

  /** Returns the seconds that are left; Infinity if it stays open; undefined if it was not open. Throws FirewallError. */
  extend(door: string, knocker: Address, seconds: number): number | undefined {
    const left = this.#options.firewall.extend(door, knocker, seconds);
    this.#awaitClosing();
    return left;
  }

  /** Throws FirewallError. */
  *openDoors(): Generator<OpenDoorInfo> {
    for (const { door, address, left, uses } of this.#options.firewall.list()) {
      const stays = left === Number.POSITIVE_INFINITY;
      yield {
        door,
        ip: formatAddress(address),
        left: stays ? undefined : left,
        uses,
        ...(stays && { staysOpen: true }),
      };
    }
  }

  /** `close` closes the open doors now. With `keep` the kernel closes them on time. */
  leave(how: "close" | "keep"): void {
    this.#timer?.cancel();
    const { firewall, onEvent, onFailure } = this.#options;
    try {
      const closed = how === "close" ? firewall.closeAll() : [];
      for (const { door, address } of closed) onEvent({ type: "closed", door, knocker: address });
    } catch (error) {
      if (!(error instanceof FirewallError)) throw error;
      onFailure(error.message);
    }
    firewall.end();
  }

  /** Sets the one timer, for the door that closes first. */
  #awaitClosing(): void {
    const { firewall, after, now } = this.#options;
    const { deadline } = firewall;
    if (deadline >= this.#timerAt) return;
    this.#timer?.cancel();
    this.#timerAt = deadline;
    if (deadline === Number.POSITIVE_INFINITY) return;
    this.#timer = after(Math.max(0, deadline - now()) + GRAIN_SECONDS, () => this.#onClosing());
  }

  #onClosing(): void {
    const { firewall, onEvent } = this.#options;
    this.#timerAt = Number.POSITIVE_INFINITY;
    for (const { door, address } of firewall.expire()) onEvent({ type: "closed", door, knocker: address });
    this.#awaitClosing();
  }
}
