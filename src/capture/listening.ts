// Listening at one interface: its capture, its addresses, and the filter that they and the doors make.

import type { Address } from "../address.ts";
import type { Listener } from "../attempts/ears.ts";
import { buildFilter } from "./filter.ts";
import { OwnAddresses } from "./interfaces.ts";
import { type NativeCapture, native } from "./native.ts";
import { Source, type SourceOptions } from "./source.ts";

/** Enough for a burst of some 25,000 packets while we are busy. */
const RING_BYTES = 8 << 20;
/** Ethernet, VLAN tags, an IPv6 header, its extensions and TCP's: all that decode reads. */
const SNAP_LENGTH = 256;

/** The interface can't be listened at, in libpcap's words. */
export class CannotListen extends Error {}

export class Listening {
  readonly interface: string;
  readonly #onlyIpv4: boolean;
  readonly #capture: NativeCapture;
  readonly #source: Source;
  #own = new OwnAddresses([]);

  /** Opens the interface; nothing is heard before `start`. Throws CannotListen. */
  constructor(name: string, onlyIpv4: boolean, options: SourceOptions) {
    this.interface = name;
    this.#onlyIpv4 = onlyIpv4;
    try {
      this.#capture = new native.Capture({ device: name, snapLength: SNAP_LENGTH, bufferSize: RING_BYTES });
    } catch (error) {
      throw new CannotListen(`could not open ${name}: ${(error as Error).message}`);
    }
    this.#source = new Source(this.#capture, options);
  }

  get own(): readonly Address[] {
    return this.#own.all;
  }

  isOurs(address: Address): boolean {
    return this.#own.has(address);
  }

  /**
   * From now on the kernel lets through what these doors can use at the interface's present addresses.
   * Returns the program's length in instructions. Throws CannotListen; then what was heard before still is.
   */
  setDoors(listeners: readonly Listener[]): number {
    const own = OwnAddresses.of(this.interface, this.#onlyIpv4);
    try {
      const program = buildFilter({ linkType: this.#capture.linkType, own: own.all, listeners });
      this.#capture.setFilter(program);
      this.#own = own;
      return program.length / 8;
    } catch (error) {
      throw new CannotListen(`could not listen on ${this.interface}: ${(error as Error).message}`);
    }
  }

  start(): void {
    this.#source.start();
  }

  close(): void {
    this.#source.close();
  }
}
