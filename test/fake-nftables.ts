// An in-memory replacement for NftSocket: as much of nf_tables as src/firewall/ uses, with the kernel's errors. A batch
// is applied as a whole or not at all. test/live/firewall.test.ts uses the real one.
import { constants } from "node:os";
import { writeLists } from "../src/firewall/element.ts";
import {
  Attributes,
  FLAG,
  LITTLE,
  type NetlinkMessage,
  NetlinkWriter,
  readMessages,
  textOf,
} from "../src/firewall/netlink.ts";
import { ELEMENT, ELEMENTS, LIST_ELEMENT, MESSAGE, SET, TABLE } from "../src/firewall/nftables.ts";
import type { ExpectedKnock } from "../src/net/expected-knock.ts";
import type { NativeNftSocket } from "../src/platform/native.ts";

interface FakeElement {
  readonly raw: Uint8Array;
  /** Milliseconds; 0: none. */
  readonly timeout: number;
  readonly until: number;
}

interface FakeSet {
  readonly attributes: Attributes;
  readonly elements: Map<string, FakeElement>;
}

interface FakeTable {
  readonly attributes: Attributes;
  readonly sets: Map<string, FakeSet>;
}

export class FakeNftables {
  tables = new Map<string, FakeTable>();
  /** Seconds. */
  now = 0;
  /** The answer to the next batches, whatever they contain. */
  readonly refusals: (keyof typeof constants.errno)[] = [];
  /** All requests are refused with this error. */
  refusesAll: keyof typeof constants.errno | undefined;
  /** The table flags that it supports; others give EOPNOTSUPP. */
  knownFlags = 7;
  readonly batches: Uint8Array[] = [];
  sockets = 0;
  /** Batches and requests so far. */
  requests = 0;
  /** The expected knock, and what the last one did when it came. */
  expected: { readonly knock: ExpectedKnock; readonly send: () => number } | undefined;
  #sent: number | undefined;
  #ports = 100;

  readonly openSocket = (): NativeNftSocket => {
    this.sockets++;
    const port = this.#ports++;
    let isOpen = true;
    const count = () => {
      if (!isOpen) throw new Error("the socket is closed");
      this.requests++;
    };
    return {
      port,
      transact: (batch) => {
        count();
        return this.#transact(batch, port);
      },
      expect: (knock, batch) => {
        const copy = batch.slice();
        this.expected = { knock, send: () => this.#transact(copy, port) };
      },
      takeExpected: () => {
        const sent = this.#sent;
        this.expected = this.#sent = undefined;
        return sent;
      },
      ask: (request) => {
        count();
        return this.#ask(request);
      },
      close: () => {
        if (isOpen) this.sockets--;
        isOpen = false;
      },
    };
  };

  /** The expected knock has come. */
  meet(): void {
    this.#sent = this.expected!.send();
  }

  /** `open4` → what `nft` would show: address bytes, port, comment and seconds left. */
  elements(table: string, set: string): string[] {
    const found = this.tables.get(table)?.sets.get(set)?.elements ?? new Map<string, FakeElement>();
    return [...found].flatMap(([key, { raw, until }]) => {
      if (until <= this.now) return [];
      const comment = new Attributes(raw).get(ELEMENT.userdata);
      const left = until === Number.POSITIVE_INFINITY ? "stays" : `${Math.round((until - this.now) * 10) / 10}s`;
      return [`${readable(key)} ${left}${comment === undefined ? "" : ` ${textOf(comment.subarray(2))}`}`];
    });
  }

  #transact(batch: Uint8Array, port: number): number {
    this.batches.push(batch.slice());
    const refusal = this.refusesAll ?? this.refusals.shift();
    if (refusal !== undefined) return constants.errno[refusal];
    const undo: (() => void)[] = [];
    const view = new DataView(batch.buffer, batch.byteOffset, batch.byteLength);
    let at = 0;
    for (const { type, attributes } of readMessages(batch.slice())) {
      const flags = view.getUint16(at + 6, LITTLE);
      at += (view.getUint32(at, LITTLE) + 3) & ~3;
      const error = type < 0 ? undefined : this.#change(type, flags, attributes, port, undo);
      if (error === undefined) continue;
      for (const step of undo.reverse()) step();
      return constants.errno[error];
    }
    return 0;
  }

  #change(
    type: number,
    flags: number,
    own: Attributes,
    port: number,
    undo: (() => void)[],
  ): keyof typeof constants.errno | undefined {
    const name = own.string(TABLE.name)!;
    const table = this.tables.get(name);
    if (type === MESSAGE.newTable || type === MESSAGE.delTable) {
      undo.push(() => (table === undefined ? this.tables.delete(name) : this.tables.set(name, table)));
      if (type === MESSAGE.delTable) this.tables.delete(name);
    }
    if (type === MESSAGE.newTable) {
      if (table !== undefined && (flags & FLAG.exclusive) !== 0) return "EEXIST";
      if (((own.u32(TABLE.flags) ?? 0) & ~this.knownFlags) !== 0) return "EOPNOTSUPP";
      const w = new NetlinkWriter().message(0, 0, 0);
      for (const [attribute, value] of own) w.raw(attribute, value);
      if ((own.u32(TABLE.flags)! & 2) !== 0) w.u32(TABLE.owner, port);
      this.tables.set(name, { attributes: new Attributes(w.bytes.subarray(20)), sets: table?.sets ?? new Map() });
      return undefined;
    }
    if (table === undefined) return "ENOENT";
    if (type === MESSAGE.delSet) {
      const [set, before] = [own.string(SET.name)!, table.sets.get(own.string(SET.name)!)];
      if (before === undefined) return "ENOENT";
      undo.push(() => table.sets.set(set, before));
      table.sets.delete(set);
    }
    if (type === MESSAGE.newSet) table.sets.set(own.string(SET.name)!, { attributes: own, elements: new Map() });
    if (type !== MESSAGE.newElement && type !== MESSAGE.delElement) return undefined;
    const elements = table.sets.get(own.string(ELEMENTS.set)!)?.elements;
    if (elements === undefined) return "ENOENT";
    for (const [, raw] of own.nested(ELEMENTS.elements)) {
      const element = new Attributes(raw);
      const key = keyIn(element);
      const there = elements.get(key);
      const isThere = there !== undefined && there.until > this.now;
      undo.push(() => (there === undefined ? elements.delete(key) : elements.set(key, there)));
      if (type === MESSAGE.delElement) {
        if (!isThere) return "ENOENT";
        elements.delete(key);
      } else if (isThere) {
        if ((flags & FLAG.exclusive) !== 0) return "EEXIST"; // otherwise it keeps its timeout, as in Linux 6.1
      } else {
        const timeout = element.u64(ELEMENT.timeout) ?? 0;
        const until = timeout === 0 ? Number.POSITIVE_INFINITY : this.now + timeout / 1000;
        elements.set(key, { raw, timeout, until });
      }
    }
    return undefined;
  }

  #ask(request: Uint8Array): Uint8Array | number {
    if (this.refusesAll !== undefined) return constants.errno[this.refusesAll];
    const [{ type, attributes: asked }] = [...readMessages(request)] as unknown as [NetlinkMessage];
    const table = this.tables.get(asked.string(TABLE.name)!);
    if (table === undefined) return constants.errno.ENOENT;
    const w = new NetlinkWriter();
    const copy = (all: Attributes) => {
      for (const [attribute, value] of all) w.raw(attribute, value);
    };
    if (type === MESSAGE.getTable) {
      w.message(MESSAGE.newTable, 0, 1);
      copy(table.attributes);
    } else if (type === MESSAGE.getSet) {
      const name = asked.string(SET.name);
      if (name !== undefined && !table.sets.has(name)) return constants.errno.ENOENT;
      for (const [set, { attributes }] of table.sets) {
        if (name !== undefined && set !== name) continue;
        w.message(MESSAGE.newSet, 0, 1);
        copy(attributes);
      }
    } else {
      const set = table.sets.get(asked.string(ELEMENTS.set)!);
      const [wanted] = [...asked.nested(ELEMENTS.elements)].map(([, raw]) => keyIn(new Attributes(raw)));
      const found = [...(set?.elements ?? [])].filter(
        ([key, { until }]) => until > this.now && (wanted === undefined || key === wanted),
      );
      if (set === undefined || (wanted !== undefined && found.length === 0)) return constants.errno.ENOENT;
      const begin = () => void w.message(MESSAGE.newElement, 0, 1);
      writeLists(w, begin, found, ([, { raw, until }]) => {
        w.nested(LIST_ELEMENT, () => {
          copy(new Attributes(raw));
          if (until !== Number.POSITIVE_INFINITY) w.u64(ELEMENT.expiration, Math.round((until - this.now) * 1000));
        });
      });
    }
    return w.bytes.slice();
  }
}

function keyIn(element: Attributes): string {
  const hex = (type: number) => Buffer.from(element.nested(type).get(1) ?? []).toString("hex");
  const end = hex(ELEMENT.keyEnd);
  return end === "" ? hex(ELEMENT.key) : `${hex(ELEMENT.key)}-${end}`;
}

/** `0a000001 06000000 00160000` → `10.0.0.1 tcp 22`. */
function readable(key: string): string {
  const [start, end] = key.split("-").map((hex) => {
    const bytes = Buffer.from(hex, "hex");
    const at = bytes.length - 8;
    const address = at === 4 ? `${bytes.subarray(0, at).join(".")} ` : at === 0 ? "" : `${hex.slice(0, at * 2)} `;
    return { text: `${address}${bytes[at] === 6 ? "tcp" : "udp"} ${bytes.readUInt16BE(at + 4)}`, bytes, at };
  });
  if (end === undefined || end.bytes.equals(start!.bytes)) return start!.text;
  return `${start!.text}-${end.bytes.readUInt16BE(end.at + 4)}`;
}
