// Keeps a capture open on every selected interface as interfaces come, go and change. The kernel reports changes (netlink).
// Each time the supervisor compares the whole state, so that a missed message cannot leave an interface deaf.

import type { ResolvedDoor } from "../config/resolved-door.ts";
import type { InterfaceStatus, UncoveredAddresses } from "../events/interface-status.ts";
import type { AddressSet } from "../net/address-set.ts";
import { CaptureError } from "../platform/capture-error.ts";
import type { NativeLinkWatch, Snapshot } from "../platform/native.ts";
import { followInterfaces, interfacesNow } from "../platform/network-interfaces.ts";
import { CaptureSet, type CaptureState } from "./captures.ts";
import { CheckSchedule } from "./check-schedule.ts";
import type { InterfaceCapture } from "./interface-capture.ts";
import { interfaceStatuses, statusLine } from "./interface-status.ts";
import { ANY, AUTO, choose, indexOf, isAlias, isOneName, linkOf, namesOf, ownAddresses } from "./interfaces.ts";
import type { Records } from "./records.ts";
import { uncoveredAddresses } from "./uncovered-addresses.ts";

export interface CaptureSupervisorOptions {
  /** The patterns of interfaces.ts. */
  readonly patterns: readonly string[];
  readonly onlyIpv4: boolean;
  /** Wait for a single missing interface. Without this it is an error, as in 0.8. */
  readonly wait: boolean;
  /** Milliseconds, monotonic. */
  readonly now: () => number;
  readonly onBatch: (capture: InterfaceCapture, records: Records, count: number, now: number) => void;
  /** `info`: something works again. `warn`: something is gone or lost. `error`: an interface is deaf. */
  readonly log: Readonly<Record<"info" | "warn" | "error", (line: string) => void>>;
  /** Called when `status` may have changed. */
  readonly onStatus: () => void;
  /** Called after the check of each minute. */
  readonly onChecked: () => void;
}

/** The pseudo-interface `any` never goes away. */
const ALL_LINKS = { name: ANY, index: 0, up: true };

export class CaptureSupervisor {
  /** The open captures. */
  readonly captures: CaptureSet;
  readonly #options: CaptureSupervisorOptions;
  /** Interfaces that could not be opened, or failed, and why. */
  readonly #failed = new Map<string, string>();
  readonly #gone = new Set<string>();
  readonly #watch: NativeLinkWatch;
  #missing: ReadonlyMap<string, string> = new Map();
  #started = false;
  #closed = false;
  /** The interfaces cannot be read. This has been logged. */
  #blind = false;
  #status = "";
  readonly #schedule = new CheckSchedule(() => {
    if (this.#started && !this.#closed) this.#reconcile();
  });

  /** Opens all present interfaces; packets come after `start`. Throws CaptureError. */
  constructor(options: CaptureSupervisorOptions) {
    this.#options = options;
    const { patterns, now, onBatch, log } = options;
    // A broken capture may mean that the interface is gone: compare the state.
    this.captures = new CaptureSet({
      several: !isOneName(patterns),
      now,
      onBatch,
      onBroken: () => this.#schedule.onChange(),
      log,
    });
    this.#watch = followInterfaces(() => this.#schedule.onChange(), patterns.includes(AUTO));
    try {
      this.#openAll();
    } catch (error) {
      this.close();
      throw error;
    }
  }

  /** One line for systemd: which interfaces are captured and which are missing. */
  get status(): string {
    return statusLine(this.captures.all, this.#failed, this.#missing);
  }

  /** The state of each selected interface. */
  get report(): readonly InterfaceStatus[] {
    return interfaceStatuses(this.captures.all, this.#failed, this.#missing);
  }

  /** The addresses of this host that no door covers now. Empty if they cannot be read. */
  uncovered(resolvedDoors: readonly ResolvedDoor[]): readonly UncoveredAddresses[] {
    try {
      return uncoveredAddresses(this.#options, this.#snapshot(), resolvedDoors);
    } catch (error) {
      if (error instanceof CaptureError) return [];
      throw error;
    }
  }

  get patterns(): readonly string[] {
    return this.#options.patterns;
  }

  /** Is an interface up whose packets knockd does not receive? */
  get isDeaf(): boolean {
    return this.#failed.size > 0 || this.captures.isDeaf;
  }

  /** The patterns that match no interface that is up. */
  get missing(): readonly string[] {
    return [...this.#missing.keys()];
  }

  /** Changes the doors. Returns the length of the longest filter in instructions. If it throws CaptureError, the old doors stay. */
  setDoors(resolvedDoors: readonly ResolvedDoor[]): number {
    const snapshot = this.#snapshot();
    return this.captures.setDoors(resolvedDoors, (name) => this.#own(name, snapshot));
  }

  start(): void {
    this.#started = true;
    this.captures.start();
    this.#status = this.status;
    this.#schedule.start(() => {
      this.check();
      this.#options.onChecked();
    });
    this.#schedule.onChange(); // something may have changed between opening and setting the filter
  }

  /** May be called at any time and repeatedly. */
  close(): void {
    this.#closed = true;
    this.#schedule.close();
    this.#watch.close();
    this.captures.closeAll();
  }

  /** Tests all captures, and reopens those that do not work. */
  check(): void {
    if (this.#closed) return;
    for (const [name, why] of this.captures.checkStats()) this.#fail(name, why);
    this.captures.selfTest();
    if (this.#started) this.#reconcile();
  }

  #snapshot(): Snapshot {
    return interfacesNow(this.patterns.includes(AUTO));
  }

  #own(name: string, snapshot: Snapshot): AddressSet {
    return ownAddresses(name, snapshot, this.#options.onlyIpv4);
  }

  /** At the start, every interface that is present must open, while the user still sees an error. */
  #openAll(): void {
    const { patterns, wait } = this.#options;
    const snapshot = this.#snapshot();
    const { present, missing } = choose(patterns, snapshot);
    this.#missing = missing;
    if (missing.size > 0 && isOneName(patterns) && !wait) {
      const name = namesOf(patterns[0]!, snapshot)[0] ?? patterns[0]!;
      this.captures.open(name, indexOf(name, snapshot)); // libpcap says why not
    }
    for (const name of present) if (!this.captures.all.has(name)) this.captures.open(name, indexOf(name, snapshot));
  }

  #reconcile(): void {
    let snapshot: Snapshot;
    try {
      snapshot = this.#snapshot();
    } catch (error) {
      if (!this.#blind) this.#options.log.error((error as Error).message);
      this.#blind = true;
      this.#schedule.tryLater();
      return;
    }
    this.#blind = false;
    const { present, missing } = choose(this.#options.patterns, snapshot);
    for (const [name, state] of this.captures.all) this.#keepOrClose(name, state, snapshot);
    for (const name of present) if (!this.captures.all.has(name)) this.#reopen(name, snapshot);
    for (const name of this.#failed.keys()) if (!present.includes(name)) this.#failed.delete(name);
    const isHere = (word: string) => namesOf(word, snapshot).some((name) => this.captures.all.has(name));
    this.#missing = new Map([...missing].filter(([word]) => !isHere(word)));
    if (this.#failed.size > 0) this.#schedule.tryLater();
    if (this.#status !== this.status) this.#options.onStatus();
    this.#status = this.status;
  }

  #keepOrClose(name: string, state: CaptureState, snapshot: Snapshot): void {
    if (name === ANY && state.error === undefined) {
      this.#followAddresses(name, state, snapshot);
      return;
    }
    const link = name === ANY ? ALL_LINKS : linkOf(name, snapshot);
    const meant = choose(this.#options.patterns, { ...snapshot, links: link ? [{ ...link, up: true }] : [] });
    if (link?.index !== state.index || !meant.present.includes(name)) {
      this.captures.close(name);
      this.#gone.add(name);
      const isThere = link?.index === state.index && !(isAlias(name) && this.#own(name, snapshot).all.length === 0);
      const why = isThere ? "is no longer selected" : "is gone: waiting for it";
      this.#options.log.warn(`${name} ${why}`);
      return;
    }
    if (state.error !== undefined) {
      this.#fail(name, state.error);
      return;
    }
    if (link.up !== state.up) {
      state.up = link.up;
      if (link.up) this.#options.log.info(`${name} is up again`);
      else this.#options.log.warn(`${name} is down: waiting for it`);
    }
    this.#followAddresses(name, state, snapshot);
  }

  #followAddresses(name: string, state: CaptureState, snapshot: Snapshot): void {
    const own = this.#own(name, snapshot);
    if (own.equals(state.capture.own)) {
      state.capture.setNotClients(own);
      return;
    }
    try {
      this.captures.setAddresses(state, own);
    } catch (error) {
      this.#fail(name, (error as Error).message);
      return;
    }
    this.#options.log.info(`${name}: listening at ${`${own}` || "no address yet"}`);
    this.captures.selfTest();
  }

  #reopen(name: string, snapshot: Snapshot): void {
    try {
      this.captures.add(name, indexOf(name, snapshot), this.#own(name, snapshot));
    } catch (error) {
      if (!(error instanceof CaptureError)) throw error;
      this.#fail(name, error.message);
      return;
    }
    this.#failed.delete(name);
    const own = `${this.captures.all.get(name)!.capture.own}` || "no address yet";
    this.#options.log.info(`${name} is ${this.#gone.delete(name) ? "back" : "there"}: listening at ${own}`);
    this.captures.selfTest();
  }

  /** The interface is deaf. Logged once until it works again. */
  #fail(name: string, why: string): void {
    this.captures.close(name);
    if (this.#failed.get(name) !== why) this.#options.log.error(`${name}: deaf, trying again: ${why}`);
    this.#failed.set(name, why);
  }
}
