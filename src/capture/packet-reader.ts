// Reads packets: on an interrupt for each packet while few arrive, on a short timer while many arrive. In a flood, an
// interrupt costs twenty times as much as its packet (bench/bench.ts, "flood"). A stopped timer costs nothing.

import type { NativeCapture } from "../platform/native.ts";
import { Records } from "./records.ts";

/** A window with this many wake-ups is a flood. A window with fewer packets ends it. */
const BUSY = 20;
const WINDOW_MS = 100;
/** While busy, a packet waits at most this long, plus the time until the process is scheduled. */
const TICK_MS = 7;
/** Batches without a pause: at most about 16,000 packets. Then timers and signals run, even in a flood. */
const MAX_BATCHES = 16;
/** How often to check an interface that is down, because its removal causes no wake-up. */
const DOWN = -2;
const DOWN_CHECK_MS = 1000;

export interface PacketReaderOptions {
  /** One batch: the first `count` records, read at `now`. They are valid only until this returns. */
  onBatch: (records: Records, count: number, now: number) => void;
  /** Milliseconds, monotonic. */
  now: () => number;
  /** Called with libpcap's message when the capture has failed. No packet follows. */
  onError: (error: Error) => void;
}

export class PacketReader {
  readonly #capture: NativeCapture;
  readonly #options: PacketReaderOptions;
  readonly #records = new Records();
  #windowStart = Number.NEGATIVE_INFINITY;
  /** While quiet, wake-ups in this window. While busy, packets. */
  #windowCount = 0;
  #busy = false;
  /** The last drain left packets behind. */
  #more = false;
  #rest: NodeJS.Immediate | undefined;
  #downCheck: NodeJS.Timeout | undefined;
  #closed = false;

  constructor(capture: NativeCapture, options: PacketReaderOptions) {
    this.#capture = capture;
    this.#options = options;
  }

  /** Is the timer reading (a flood), rather than the interrupt? */
  get busy(): boolean {
    return this.#busy;
  }

  start(): void {
    this.#capture.start(() => this.#onReadable());
  }

  /** May be called at any time and repeatedly, even inside `onBatch` and `onError`. */
  close(): void {
    this.#closed = true;
    this.#busy = false;
    clearImmediate(this.#rest);
    clearTimeout(this.#downCheck);
    this.#capture.close();
  }

  /** Reads the packets that have arrived, and passes them on. */
  readNow(): void {
    if (!this.#closed) this.#drain(this.#options.now(), MAX_BATCHES);
  }

  #onReadable(): void {
    const now = this.#options.now();
    this.#drain(now, 1);
    if (this.#closed || this.#inWindow(now, 1) <= BUSY) return;
    this.#capture.stop();
    this.#newWindow(now);
    this.#busy = true;
    this.#capture.start(() => this.#onTick(), TICK_MS);
  }

  #onTick(): void {
    clearImmediate(this.#rest);
    const now = this.#options.now();
    const packets = this.#drain(now, MAX_BATCHES);
    if (!this.#busy) return; // closed in the meantime
    const over = now - this.#windowStart >= WINDOW_MS && this.#windowCount + packets <= BUSY;
    if (!over) {
      this.#inWindow(now, packets);
      if (this.#more) this.#rest = setImmediate(() => this.#onTick()); // the rest must be read before the ring is full
      return;
    }
    this.#busy = false;
    this.#capture.stop();
    this.start();
  }

  /** Adds `more` to this window's count, or begins a new window, and returns the count. */
  #inWindow(now: number, more: number): number {
    if (now - this.#windowStart >= WINDOW_MS) this.#newWindow(now);
    this.#windowCount += more;
    return this.#windowCount;
  }

  #newWindow(now: number): void {
    this.#windowStart = now;
    this.#windowCount = 0;
  }

  /**
   * Returns the number of packets read. The reader may be closed afterwards: the capture failed, or a packet caused it.
   */
  #drain(now: number, most: number): number {
    let packets = 0;
    this.#more = true;
    for (let batch = 0; batch < most && !this.#closed; batch++) {
      const count = this.#read();
      if (count === DOWN) this.#lookAgain();
      if (count < 0) {
        this.#more = false;
        break;
      }
      packets += count;
      if (count > 0) this.#options.onBatch(this.#records, count, now);
    }
    return packets;
  }

  #lookAgain(): void {
    clearTimeout(this.#downCheck);
    this.#downCheck = setTimeout(() => this.#drain(this.#options.now(), 1), DOWN_CHECK_MS);
  }

  #read(): number {
    try {
      return this.#capture.read(this.#records.buffer);
    } catch (error) {
      this.close();
      this.#options.onError(error as Error);
      return -1;
    }
  }
}
