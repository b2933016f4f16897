// The capture of one interface: its handle, its addresses, and the filter made from them and the doors.

import type { ResolvedDoor } from "../config/resolved-door.ts";
import type { Address } from "../net/address.ts";
import { AddressSet } from "../net/address-set.ts";
import { CaptureError } from "../platform/capture-error.ts";
import { type CaptureStats, type NativeCapture, native } from "../platform/native.ts";
import { buildFilter } from "./bpf/filter.ts";
import type { PortClass } from "./bpf/port-classes.ts";
import { PacketReader, type PacketReaderOptions } from "./packet-reader.ts";
import { type SelfTestResult, tryKnocks } from "./self-test.ts";

/**
 * Enough for a burst of about 34,000 packets while the process is busy. Half of it lost a tenth more of a million
 * packets.
 */
const RING_BYTES = 8 << 20;
/**
 * Ethernet, three VLAN tags, IPv6, TCP, and 74 bytes for extension headers. Each byte more leaves room for fewer
 * packets.
 */
const SNAP_LENGTH = 160;

/** The shortest time between two reports of lost packets. */
const CHECK_STATS_MS = 50_000;

const NOTHING_YET: CaptureStats = { received: 0, dropped: 0, read: 0 };

export class InterfaceCapture {
  readonly interface: string;
  readonly #capture: NativeCapture;
  readonly #source: PacketReader;
  #own = new AddressSet([]);
  #resolvedDoors: readonly ResolvedDoor[] = [];
  #strays: readonly PortClass[] | undefined;
  #followed: Address | undefined;
  /** The filters without and with strays, both made in advance: see `setWide`. */
  #narrow: Uint8Array | undefined;
  #wide: Uint8Array | undefined;
  #isWide = false;
  readonly #now: () => number;
  /** The counters at the last two checks, the later one first. */
  #lastStats: readonly [CaptureStats, CaptureStats] = [NOTHING_YET, NOTHING_YET];
  #checkedAt = Number.NEGATIVE_INFINITY;

  /**
   * Opens the interface; packets come after `start`. `oneOfSeveral`: stamp packets so that DuplicateFilter can compare them.
   * Throws CaptureError.
   */
  constructor(name: string, oneOfSeveral: boolean, options: PacketReaderOptions) {
    this.interface = name;
    try {
      this.#capture = new native.Capture({
        device: name,
        snapLength: SNAP_LENGTH,
        bufferSize: RING_BYTES,
        stampArrival: oneOfSeveral,
      });
    } catch (error) {
      throw new CaptureError(`could not open ${name}: ${(error as Error).message}`);
    }
    this.#now = options.now;
    this.#source = new PacketReader(this.#capture, options);
  }

  get own(): AddressSet {
    return this.#own;
  }

  /** The length of the filter without strays. */
  get instructions(): number {
    return (this.#narrow?.length ?? 0) / 8;
  }

  /** Counted since the capture was opened. Throws the system's error when the handle is dead. */
  get stats(): CaptureStats {
    return this.#capture.stats();
  }

  /** Changes only the addresses that no client can have. */
  setNotClients(own: AddressSet): void {
    this.#own = own;
  }

  /**
   * Sets the filter for these doors at these addresses. Returns its length in instructions. If it throws CaptureError, the old
   * filter stays.
   */
  setDoors(resolvedDoors: readonly ResolvedDoor[], own: AddressSet): number {
    try {
      const narrow = this.#program(own, resolvedDoors, undefined);
      const wide = this.#strays && this.#program(own, resolvedDoors, this.#strays);
      this.#capture.setFilter((this.#isWide && wide) || narrow);
      this.#own = own;
      this.#resolvedDoors = resolvedDoors;
      this.#narrow = narrow;
      this.#wide = wide;
      return this.instructions;
    } catch (error) {
      throw this.#cannot(error);
    }
  }

  /** Sets the ports that the wide filter lets through beside knocks. Throws CaptureError. */
  setStrayPorts(strays: readonly PortClass[] | undefined): void {
    try {
      const wide = strays && this.#program(this.#own, this.#resolvedDoors, strays);
      if (this.#isWide) this.#capture.setFilter(wide ?? this.#narrow!);
      this.#strays = strays;
      this.#wide = wide;
    } catch (error) {
      throw this.#cannot(error);
    }
  }

  /**
   * Switches to the wide or the narrow filter. Both are made in advance, because a fast scan reaches the second knock a few
   * milliseconds after the first. Throws CaptureError.
   */
  setWide(wide: boolean): void {
    try {
      this.#isWide = wide;
      if (this.#wide !== undefined) this.#capture.setFilter(wide ? this.#wide : this.#narrow!);
    } catch (error) {
      throw this.#cannot(error);
    }
  }

  /** Passes all packets of this source that may be knocks. Undefined: follows no source. Throws CaptureError. */
  follow(source: Address | undefined): void {
    this.#followed = source;
    this.setDoors(this.#resolvedDoors, this.#own);
  }

  start(): void {
    this.#source.start();
  }

  /** Reads the packets that have arrived, and passes them on. */
  readNow(): void {
    this.#source.readNow();
  }

  /** May be called at any time and repeatedly. */
  close(): void {
    this.#source.close();
  }

  /** Tests whether the filter in the kernel lets every knock through. */
  selfTest(): SelfTestResult {
    try {
      return tryKnocks(this.#capture.heldFilter(), this.#capture.linkType, this.#own.all, this.#resolvedDoors);
    } catch (error) {
      return { tried: 0, deafTo: (error as Error).message };
    }
  }

  /**
   * `lost`: packets lost since the last check because the ring was full. `stuck`: packets that arrived before the last
   * check are still unread, so nothing reads them any more. A check soon after the last one reports neither: during a
   * flood, two checks in quick succession would find unread packets although all is well. Throws the system's error
   * when the handle is dead.
   */
  checkStats(): { lost: number; stuck: boolean } {
    const now = this.#capture.stats();
    if (this.#now() - this.#checkedAt < CHECK_STATS_MS) return { lost: 0, stuck: false };
    this.#checkedAt = this.#now();
    const [last, before] = this.#lastStats;
    this.#lastStats = [now, last];
    const stuck = last.received > before.received && last.read === before.read && now.read === last.read;
    return { lost: now.dropped - last.dropped, stuck };
  }

  #program(
    own: AddressSet,
    resolvedDoors: readonly ResolvedDoor[],
    strays: readonly PortClass[] | undefined,
  ): Uint8Array {
    return buildFilter({
      linkType: this.#capture.linkType,
      own: own.all,
      resolvedDoors,
      strays: strays ?? [],
      followed: this.#followed,
    });
  }

  #cannot(error: unknown): CaptureError {
    return new CaptureError(`could not listen on ${this.interface}: ${(error as Error).message}`);
  }

  /** Sets the same filter again. Throws CaptureError. */
  reapplyFilter(): void {
    this.setDoors(this.#resolvedDoors, this.#own);
  }
}
