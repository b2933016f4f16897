// What the commands of knockctl see of the daemon: only what they need of each part.

import type { ClientStates } from "../codes/client-states.ts";
import type { ResolvedDoor } from "../config/resolved-door.ts";
import type { DaemonEvent } from "../events/daemon-event.ts";
import type { DoorOpener } from "../events/door-opener.ts";
import type { InterfaceStatus, UncoveredAddresses } from "../events/interface-status.ts";
import type { PacketHistory } from "../history/packet-history.ts";
import type { Verdict } from "../history/verdict.ts";
import type { Address } from "../net/address.ts";

export interface DaemonView {
  readonly supervisor: () => CapturesView;
  /** The doors in force. */
  readonly resolvedDoors: () => readonly ResolvedDoor[];
  readonly packetLoop: PacketsView;
  readonly doorService: { readonly doors: DoorOpener; guard(isClosed: boolean): boolean };
  readonly clientCodes: ClientsView;
  /** Does this host have such an interface, by name or alternative name? */
  readonly hasInterface: (name: string) => boolean;
  /** Reads the config again. */
  readonly reload: () => Promise<ReloadOutcome>;
  /** Is the clock synchronised? */
  readonly isClockSet: () => boolean;
  readonly eventLog: { readonly watch: EventsView; readonly counts: CountsView & CodesView };
  /** The last warnings and errors. */
  readonly recent: { readonly lines: readonly { readonly time: Date; readonly line: string }[] };
}

export interface ReloadOutcome {
  /** Why the daemon keeps the old config. Undefined: it has adopted the new one. */
  readonly refused: string | undefined;
}

export interface CapturesView {
  /** As the user wrote them: names, `ppp*`, `any`, `auto`. */
  readonly patterns: readonly string[];
  readonly report: readonly InterfaceStatus[];
  /** The addresses of this host that no door covers now. */
  uncovered(resolvedDoors: readonly ResolvedDoor[]): readonly UncoveredAddresses[];
  /** By interface. */
  readonly captures: {
    readonly all: ReadonlyMap<string, CaptureView>;
    /** Can a client have this address? The same rule as for knocks. */
    isClient(source: Address): boolean;
  };
  /** Runs a self-test on all interfaces now. */
  check(): void;
}

export interface CaptureView {
  readonly capture: {
    /** Instructions of the filter in the kernel. */
    readonly instructions: number;
    /** Throws if the interface has just disappeared. */
    readonly stats: { readonly received: number; readonly dropped: number };
  };
  /** When it was last tested, in milliseconds of the monotonic clock. */
  readonly testedAt: number | undefined;
}

export interface PacketsView {
  /** Live attempts. */
  readonly live: number;
  readonly history: PacketHistory;
  /**
   * Reports every packet from this address until you call the returned function. Undefined: another address is being
   * followed.
   */
  follow(source: Address, onVerdict: (verdict: Verdict) => void): (() => void) | undefined;
}

export interface EventsView {
  readonly isWatched: boolean;
  /** Returns a function that ends it. */
  subscribe(subscriber: (event: DaemonEvent, time: Date) => void): () => void;
  /** Calls `event` only if a subscriber has room for one more. `at`: its time in monotonic milliseconds. */
  verdict(event: () => DaemonEvent, at?: number): void;
}

export interface CountsView
  extends Readonly<Record<"stages" | "opens" | "timeouts" | "scans" | "commandsFailed", number>> {
  /** By the door's name. */
  readonly openings: ReadonlyMap<string, { readonly count: number }>;
}

/** The clients whose codes open doors, and their states. */
export interface ClientsView {
  readonly states: Pick<ClientStates, "of"> | undefined;
  reset(name: string, last: number): Promise<boolean>;
}

/** Counts of the results for codes. */
export interface CodesView {
  readonly codes: {
    values(): Iterable<{
      readonly door: string;
      readonly client: string;
      readonly result: string;
      readonly count: number;
    }>;
  };
}
