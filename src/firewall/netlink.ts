// Netlink messages as bytes (netlink(7)): a writer with a growing buffer, and a reader. Numbers in headers have this machine's
// byte order. Numbers in nf_tables' attributes are big endian.

import { endianness } from "node:os";

export const LITTLE = endianness() === "LE";
const HEADER_BYTES = 16;
/** The header and struct nfgenmsg: family, version, and a number that nf_tables does not use. */
const FIXED_BYTES = 20;
const NESTED = 0x8000;
const TYPE_MASK = 0x3fff;

export const FLAG = { request: 1, ack: 4, exclusive: 0x200, create: 0x400, append: 0x800, dump: 0x300 } as const;

const NFTABLES = 10;
const BATCH_BEGIN = 0x10;
const BATCH_END = 0x11;

const text = new TextEncoder();

export class NetlinkWriter {
  /** The places of element keys and range ends. To reuse a batch for another client, write its address there. */
  readonly keys: number[] = [];
  readonly keyEnds: number[] = [];
  #bytes = new Uint8Array(1024);
  #view = new DataView(this.#bytes.buffer);
  #at = 0;
  #message = 0;

  /** The bytes written so far. Valid until the next write. */
  get bytes(): Uint8Array {
    this.#endMessage();
    return this.#bytes.subarray(0, this.#at);
  }

  /** The number of bytes written so far. */
  get length(): number {
    return this.#at;
  }

  /** A second writer that begins with the same bytes. */
  copy(): NetlinkWriter {
    const other = new NetlinkWriter();
    other.#bytes = this.#bytes.slice();
    other.#view = new DataView(other.#bytes.buffer);
    other.#at = this.#at;
    other.#message = this.#message;
    return other;
  }

  /** The kernel does all changes between `beginBatch` and `endBatch`, or none. */
  beginBatch(): this {
    return this.#control(BATCH_BEGIN);
  }

  /** Makes the kernel acknowledge the last change, and so all changes of the batch. */
  endBatch(): this {
    const flags = this.#view.getUint16(this.#message + 6, LITTLE);
    this.#view.setUint16(this.#message + 6, flags | FLAG.ack, LITTLE);
    return this.#control(BATCH_END);
  }

  /** Begins a message of nf_tables (NFT_MSG_*). `family` is that of the table (NFPROTO_*). */
  message(type: number, flags: number, family: number): this {
    return this.#header((NFTABLES << 8) | type, flags | FLAG.request, family, 0);
  }

  string(type: number, value: string): this {
    const bytes = text.encode(value);
    return this.raw(type, bytes, 1); // with a NUL at its end
  }

  u32(type: number, value: number): this {
    const at = this.#attribute(type, 4);
    this.#view.setUint32(at, value);
    return this;
  }

  u64(type: number, value: number): this {
    const at = this.#attribute(type, 8);
    this.#view.setBigUint64(at, BigInt(value));
    return this;
  }

  u8(type: number, value: number): this {
    this.#bytes[this.#attribute(type, 1)] = value;
    return this;
  }

  raw(type: number, value: Uint8Array, zeros = 0): this {
    const at = this.#attribute(type, value.length + zeros);
    this.#bytes.set(value, at);
    return this;
  }

  /** An attribute that contains what `write` writes. */
  nested(type: number, write: () => void): this {
    const start = this.#attribute(type | NESTED, 0) - 4;
    write();
    this.#view.setUint16(start, this.#at - start, LITTLE);
    return this;
  }

  #control(type: number): this {
    return this.#header(type, FLAG.request, 0, NFTABLES);
  }

  #header(type: number, flags: number, family: number, resource: number): this {
    this.#endMessage();
    this.#room(FIXED_BYTES);
    this.#message = this.#at;
    this.#view.setUint16(this.#at + 4, type, LITTLE);
    this.#view.setUint16(this.#at + 6, flags, LITTLE);
    this.#bytes[this.#at + HEADER_BYTES] = family;
    this.#view.setUint16(this.#at + HEADER_BYTES + 2, resource);
    this.#at += FIXED_BYTES;
    return this;
  }

  #endMessage(): void {
    if (this.#at > this.#message) this.#view.setUint32(this.#message, this.#at - this.#message, LITTLE);
  }

  /** Writes the head of an attribute. Returns the place of its value. */
  #attribute(type: number, length: number): number {
    const size = 4 + length;
    this.#room(size + 3);
    const at = this.#at;
    this.#view.setUint16(at, size, LITTLE);
    this.#view.setUint16(at + 2, type, LITTLE);
    this.#at += (size + 3) & ~3;
    return at + 4;
  }

  #room(more: number): void {
    if (this.#at + more <= this.#bytes.length) return;
    const larger = new Uint8Array(Math.max(this.#bytes.length * 2, this.#at + more));
    larger.set(this.#bytes);
    this.#bytes = larger;
    this.#view = new DataView(larger.buffer);
  }
}

export interface NetlinkMessage {
  /** NFT_MSG_* for a message of nf_tables, otherwise -1. */
  readonly type: number;
  /** The netlink port of the socket that has sent the request or made the change. */
  readonly port: number;
  readonly family: number;
  /** In notifications: the low 16 bits of the change's number. All messages of one change have the same. */
  readonly change: number;
  readonly attributes: Attributes;
}

export function* readMessages(bytes: Uint8Array): Generator<NetlinkMessage> {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  for (let at = 0; at + FIXED_BYTES <= bytes.length; ) {
    const length = view.getUint32(at, LITTLE);
    if (length < FIXED_BYTES || at + length > bytes.length) return;
    const type = view.getUint16(at + 4, LITTLE);
    yield {
      type: type >>> 8 === NFTABLES ? type & 0xff : -1,
      port: view.getUint32(at + 12, LITTLE),
      family: bytes[at + HEADER_BYTES]!,
      change: view.getUint16(at + HEADER_BYTES + 2),
      attributes: new Attributes(bytes.subarray(at + FIXED_BYTES, at + length)),
    };
    at += (length + 3) & ~3;
  }
}

/** A sequence of attributes. An attribute that is cut off does not count. */
export class Attributes {
  readonly #bytes: Uint8Array;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  *[Symbol.iterator](): Generator<readonly [number, Uint8Array]> {
    const bytes = this.#bytes;
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    for (let at = 0; at + 4 <= bytes.length; ) {
      const size = view.getUint16(at, LITTLE);
      if (size < 4 || at + size > bytes.length) return;
      yield [view.getUint16(at + 2, LITTLE) & TYPE_MASK, bytes.subarray(at + 4, at + size)];
      at += (size + 3) & ~3;
    }
  }

  get(type: number): Uint8Array | undefined {
    for (const [one, value] of this) if (one === type) return value;
    return undefined;
  }

  /** The attributes inside this one. Empty if it is missing. */
  nested(type: number): Attributes {
    return new Attributes(this.get(type) ?? new Uint8Array());
  }

  string(type: number): string | undefined {
    const value = this.get(type);
    return value && textOf(value);
  }

  u32(type: number): number | undefined {
    const value = this.get(type);
    return value === undefined || value.length < 4 ? undefined : viewOf(value).getUint32(0);
  }

  u64(type: number): number | undefined {
    const value = this.get(type);
    return value === undefined || value.length < 8 ? undefined : numberIn(value);
  }
}

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

/** The big-endian number in eight bytes. */
export function numberIn(bytes: Uint8Array): number {
  const view = viewOf(bytes);
  return view.getUint32(0) * 2 ** 32 + view.getUint32(4);
}

/** The text up to its NUL. */
export function textOf(bytes: Uint8Array): string {
  const end = bytes.indexOf(0);
  return Buffer.from(end < 0 ? bytes : bytes.subarray(0, end)).toString("utf8");
}
