// One element of a set in the kernel: the client, the port, the time left, the door, and how often it was used.

import type { OpenedPorts } from "../config/opening.ts";
import type { Address } from "../net/address.ts";
import { writeExpression } from "./expressions.ts";
import { Attributes, FLAG, type NetlinkWriter, numberIn, readMessages, textOf } from "./netlink.ts";
import { COMMENT, COUNTER, ELEMENT, ELEMENTS, EXPRESSION, LIST_ELEMENT, MESSAGE } from "./nftables.ts";

/** A set in the kernel that holds elements of doors. */
export interface OpenSet {
  /** The family of its table (NFPROTO_*). */
  readonly tableFamily: number;
  readonly table: string;
  readonly set: string;
  /** The family of its addresses. */
  readonly family: 4 | 6;
  /** Its elements are ranges. */
  readonly isInterval: boolean;
  /** The number of leading bits of an IPv6 address that its rule compares. */
  readonly prefix: number;
}

export interface OpenElement {
  readonly set: OpenSet;
  /** Address, protocol and port, each part at a multiple of four. */
  readonly key: Uint8Array;
  /** The last key of the range. Only in sets of ranges. */
  readonly keyEnd: Uint8Array | undefined;
  /** The door's name, cut to the length of a comment. */
  readonly comment: string;
  /** Milliseconds that are left. Undefined: no timeout. */
  readonly left: number | undefined;
  /** The packets and bytes that it has let in. */
  readonly packets: number;
  readonly bytes: number;
}

const PROTOCOLS = { tcp: 6, udp: 17 } as const;
/** The kernel's limit is 128 bytes with the NUL (NFTNL_UDATA_COMMENT_MAXLEN). */
export const MAX_COMMENT_BYTES = 127;
/** A nested attribute has 16 bits for its length. */
const MAX_LIST_BYTES = 48_000;

/** The door's name, cut so that it fits into a comment. */
export function commentOf(door: string): string {
  const bytes = Buffer.from(door);
  if (bytes.length <= MAX_COMMENT_BYTES) return door;
  let end = MAX_COMMENT_BYTES;
  while (end > 0 && (bytes[end]! & 0xc0) === 0x80) end--; // do not cut a character in two
  return bytes.subarray(0, end).toString();
}

/** A comment as `nft` reads it: type, length, text and NUL. */
export function userdata(comment: string): Uint8Array {
  const text = Buffer.from(`${comment}\0`);
  return Buffer.concat([Uint8Array.of(COMMENT, text.length), text]);
}

/** The comment in userdata. Undefined if there is none. */
export function commentIn(data: Uint8Array | undefined): string | undefined {
  if (data === undefined) return undefined;
  for (let at = 0; at + 2 <= data.length; at += 2 + data[at + 1]!) {
    if (data[at] === COMMENT) return textOf(data.subarray(at + 2, at + 2 + data[at + 1]!));
  }
  return undefined;
}

/** Writes the words of an address into the bytes of a key. */
export function putAddress(key: Uint8Array, at: number, family: 4 | 6, { w0, w1, w2, w3 }: Address): void {
  if (family === 4) {
    putWord(key, at, w3);
    return;
  }
  putWord(key, at, w0);
  putWord(key, at + 4, w1);
  putWord(key, at + 8, w2);
  putWord(key, at + 12, w3);
}

function putWord(bytes: Uint8Array, at: number, word: number): void {
  bytes[at] = word >>> 24;
  bytes[at + 1] = word >>> 16;
  bytes[at + 2] = word >>> 8;
  bytes[at + 3] = word;
}

const DATA_VALUE = 1;

/** The part of a key behind the address. Each part begins at a multiple of four. */
export function portKey(protocol: "tcp" | "udp", port: number): Uint8Array {
  return Uint8Array.of(PROTOCOLS[protocol], 0, 0, 0, port >>> 8, port, 0, 0);
}

/** The key of this address and port in a set of this family. */
export function keyOf(family: 4 | 6, address: Address, protocol: "tcp" | "udp", port: number): Uint8Array {
  const length = addressLength(family);
  const key = new Uint8Array(length + 8);
  putAddress(key, 0, family, address);
  key.set(portKey(protocol, port), length);
  return key;
}

const addressLength = (family: 4 | 6): number => (family === 4 ? 4 : 16);

/** The address of an element; the first address if it is a network. */
export function addressOf({ key, set }: OpenElement): Address {
  const word = (at: number) => (key[at]! << 24) | (key[at + 1]! << 16) | (key[at + 2]! << 8) | key[at + 3]!;
  if (set.family === 4) return { w0: 0, w1: 0, w2: 0xffff, w3: word(0) };
  return { w0: word(0), w1: word(4), w2: word(8), w3: word(12) };
}

export function portsOf({ key, keyEnd = key, set }: OpenElement): OpenedPorts {
  const at = addressLength(set.family);
  return portsIn(key.subarray(at), keyEnd.subarray(at));
}

function portsIn(key: Uint8Array, keyEnd: Uint8Array): OpenedPorts {
  const port = (bytes: Uint8Array) => (bytes[4]! << 8) | bytes[5]!;
  return { protocol: key[0] === PROTOCOLS.tcp ? "tcp" : "udp", low: port(key), high: port(keyEnd) };
}

export function writeKey(w: NetlinkWriter, type: number, key: Uint8Array): void {
  w.nested(type, () => w.raw(DATA_VALUE, key));
}

export function writeElementKey(w: NetlinkWriter, { key, keyEnd }: Pick<OpenElement, "key" | "keyEnd">): void {
  writeKey(w, ELEMENT.key, key);
  w.keys.push(w.length - key.length);
  if (keyEnd === undefined) return;
  writeKey(w, ELEMENT.keyEnd, keyEnd);
  w.keyEnds.push(w.length - keyEnd.length);
}

/** Writes an element, with its counter if it has counted. */
export function writeElement(w: NetlinkWriter, element: OpenElement): void {
  const { left, packets, bytes } = element;
  if (left !== undefined) w.u64(ELEMENT.timeout, Math.max(1, Math.round(left)));
  writeElementKey(w, element);
  w.raw(ELEMENT.userdata, userdata(element.comment));
  if (packets > 0)
    writeExpression(w, ELEMENT.expression, "counter", () => w.u64(COUNTER.bytes, bytes).u64(COUNTER.packets, packets));
}

/** Adds to a batch the messages that add or delete these elements, as many as they need. */
export function writeElements(
  w: NetlinkWriter,
  what: "add" | "delete",
  elements: readonly OpenElement[],
  flags: number = FLAG.create,
): void {
  const bySet = new Map<OpenSet, OpenElement[]>();
  for (const element of elements) {
    const of = bySet.get(element.set);
    if (of === undefined) bySet.set(element.set, [element]);
    else of.push(element);
  }
  for (const [set, own] of bySet) {
    const begin = () => {
      w.message(what === "add" ? MESSAGE.newElement : MESSAGE.delElement, what === "add" ? flags : 0, set.tableFamily);
      w.string(ELEMENTS.table, set.table).string(ELEMENTS.set, set.set);
    };
    writeLists(w, begin, own, (one) => {
      w.nested(LIST_ELEMENT, () => (what === "add" ? writeElement(w, one) : writeElementKey(w, one)));
    });
  }
}

/** Writes a list of elements, in as many messages as it needs. `begin` begins each message. */
export function writeLists<T>(
  w: NetlinkWriter,
  begin: () => void,
  items: readonly T[],
  write: (item: T) => void,
): void {
  for (let next = 0; next < items.length; ) {
    begin();
    w.nested(ELEMENTS.elements, () => {
      for (const start = w.length; next < items.length && w.length - start < MAX_LIST_BYTES; next++)
        write(items[next]!);
    });
  }
}

/** Reads the answer to a request for this set or one of its elements. Skips elements of any other form. */
export function* readElements(bytes: Uint8Array, set: OpenSet): Generator<OpenElement> {
  for (const { type, attributes } of readMessages(bytes)) {
    if (type !== MESSAGE.newElement) continue;
    for (const [, list] of attributes.nested(ELEMENTS.elements)) {
      const element = readElement(new Attributes(list), set);
      if (element !== undefined) yield element;
    }
  }
}

/** The same for a set of protocols and port ranges. */
export function* readPorts(bytes: Uint8Array): Generator<OpenedPorts> {
  for (const { type, attributes } of readMessages(bytes)) {
    if (type !== MESSAGE.newElement) continue;
    for (const [, list] of attributes.nested(ELEMENTS.elements)) {
      const element = new Attributes(list);
      const key = element.nested(ELEMENT.key).get(DATA_VALUE);
      if (key?.length === 8) yield portsIn(key, element.nested(ELEMENT.keyEnd).get(DATA_VALUE) ?? key);
    }
  }
}

/** Reads the attributes in one pass, because there may be 65,536 elements. */
function readElement(attributes: Attributes, set: OpenSet): OpenElement | undefined {
  let key: Uint8Array | undefined;
  let keyEnd: Uint8Array | undefined;
  let counter = NONE;
  let [timeout, expiration, comment] = [0, -1, ""];
  for (const [type, value] of attributes) {
    if (type === ELEMENT.key) key = value.subarray(ATTRIBUTE_HEADER);
    else if (type === ELEMENT.keyEnd) keyEnd = value.subarray(ATTRIBUTE_HEADER);
    else if (type === ELEMENT.timeout && value.length === 8) timeout = numberIn(value);
    else if (type === ELEMENT.expiration && value.length === 8) expiration = numberIn(value);
    else if (type === ELEMENT.userdata) comment = commentIn(value) ?? "";
    else if (type === ELEMENT.expression) counter = counterIn(new Attributes(value));
  }
  const length = addressLength(set.family) + 8;
  if (key?.length !== length || (keyEnd !== undefined && keyEnd.length !== length)) return undefined;
  return {
    set,
    key,
    keyEnd: set.isInterval ? (keyEnd ?? key) : undefined,
    comment,
    left: timeout === 0 ? undefined : expiration < 0 ? timeout : expiration,
    packets: counter.u64(COUNTER.packets) ?? 0,
    bytes: counter.u64(COUNTER.bytes) ?? 0,
  };
}

const NONE = new Attributes(new Uint8Array());
const ATTRIBUTE_HEADER = 4;

function counterIn(expression: Attributes): Attributes {
  return expression.string(EXPRESSION.name) === "counter" ? expression.nested(EXPRESSION.data) : NONE;
}
