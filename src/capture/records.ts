// The records that the addon writes (struct Record in native/decode.h). One reused object reads them one at a time, so
// that no packet allocates an object.

import type { CapturedPacket } from "../net/packet.ts";

const RECORD_BYTES = 56;

/**
 * The packet of a record. It is a class, and its time begins as a fraction, so that all instances have the same shape
 * from the start: V8 would discard its compiled code for a second shape.
 */
class RecordPacket implements CapturedPacket {
  readonly source = { w0: 0, w1: 0, w2: 0, w3: 0 };
  readonly destination = { w0: 0, w1: 0, w2: 0, w3: 0 };
  sourcePort = 0;
  port = 0;
  protocol = 0;
  flags = 0;
  ttl = 0;
  sequence = 0;
  length = 0;
  time = Number.NaN;
}

/**
 * A batch of records in one buffer. 1,024 records take 56 KiB, which fits into the second-level cache. Deciding them
 * takes less than a millisecond, so timers and signals are not delayed.
 */
export class Records {
  readonly buffer: ArrayBuffer;
  readonly #words: Int32Array;
  readonly #halves: Uint16Array;
  readonly #bytes: Uint8Array;
  readonly #doubles: Float64Array;
  readonly #packet = new RecordPacket();

  constructor(capacity = 1024) {
    this.buffer = new ArrayBuffer(capacity * RECORD_BYTES);
    this.#words = new Int32Array(this.buffer);
    this.#halves = new Uint16Array(this.buffer);
    this.#bytes = new Uint8Array(this.buffer);
    this.#doubles = new Float64Array(this.buffer);
  }

  /** Record number `i`. Every call returns the same object: copy what must outlive the next call. */
  at(i: number): Readonly<CapturedPacket> {
    const words = this.#words;
    const packet = this.#packet;
    const { source, destination } = packet;
    const w = (i * RECORD_BYTES) / 4;
    source.w0 = words[w]!;
    source.w1 = words[w + 1]!;
    source.w2 = words[w + 2]!;
    source.w3 = words[w + 3]!;
    destination.w0 = words[w + 4]!;
    destination.w1 = words[w + 5]!;
    destination.w2 = words[w + 6]!;
    destination.w3 = words[w + 7]!;
    packet.sourcePort = this.#halves[w * 2 + 16]!;
    packet.port = this.#halves[w * 2 + 17]!;
    packet.protocol = this.#bytes[w * 4 + 36]!;
    packet.flags = this.#bytes[w * 4 + 37]!;
    packet.ttl = this.#bytes[w * 4 + 38]!;
    packet.sequence = words[w + 10]!;
    packet.length = words[w + 11]!;
    packet.time = this.#doubles[w / 2 + 6]!;
    return packet;
  }
}
