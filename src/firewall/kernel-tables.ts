// Requests to nf_tables in the kernel: reads and changes tables, sets and elements.

import type { OpenedPorts } from "../config/opening.ts";
import type { ExpectedKnock } from "../net/expected-knock.ts";
import type { NativeNftSocket } from "../platform/native.ts";
import { commentIn, type OpenElement, type OpenSet, readElements, readPorts, writeElementKey } from "./element.ts";
import { errorName, FirewallError, openingFailure } from "./firewall-error.ts";
import { FLAG, NetlinkWriter, readMessages } from "./netlink.ts";
import { ELEMENTS, LIST_ELEMENT, MESSAGE, SET, TABLE } from "./nftables.ts";

/** How often a request is sent if changes of another process disturb it. */
const MAX_TRIES = 8;
const PASSING = new Set(["EAGAIN", "EINTR", "EBUSY"]);

/** The kernel refuses a request. */
export class KernelError extends FirewallError {
  readonly errno: number;

  constructor(errno: number) {
    super(`firewall: ${openingFailure(errorName(errno))}`);
    this.errno = errno;
  }
}

export interface KernelTable {
  readonly flags: number;
  /** The netlink port of the socket that owns it. */
  readonly owner: number | undefined;
  readonly comment: string | undefined;
}

export interface KernelSet {
  readonly name: string;
  readonly flags: number;
  readonly keyType: number;
  readonly keyLength: number;
}

export class KernelTables {
  readonly #socket: NativeNftSocket;

  constructor(socket: NativeNftSocket) {
    this.#socket = socket;
  }

  /** Our netlink port, by which the kernel knows us as an owner. */
  get port(): number {
    return this.#socket.port;
  }

  /** Sends a batch. Returns 0 or errno. */
  transact(batch: Uint8Array): number {
    for (let tries = 1; ; tries++) {
      const errno = this.#socket.transact(batch);
      if (errno === 0 || tries >= MAX_TRIES || !PASSING.has(errorName(errno))) return errno;
    }
  }

  /** Sends the batch at this knock, if it is the next packet. */
  expect(knock: ExpectedKnock, batch: Uint8Array): void {
    this.#socket.expect(knock, batch);
  }

  /** Ends that. Returns 0 or errno if the batch was sent, otherwise undefined. */
  takeExpected(): number | undefined {
    return this.#socket.takeExpected();
  }

  /** Undefined if there is no such table. This and all other requests throw KernelError. */
  table(family: number, name: string): KernelTable | undefined {
    const request = new NetlinkWriter().message(MESSAGE.getTable, FLAG.ack, family).string(TABLE.name, name);
    for (const { attributes } of readMessages(this.#ask(request) ?? NOTHING)) {
      return {
        flags: attributes.u32(TABLE.flags) ?? 0,
        owner: attributes.u32(TABLE.owner),
        comment: commentIn(attributes.get(TABLE.userdata)),
      };
    }
    return undefined;
  }

  sets(family: number, table: string): KernelSet[] {
    const request = new NetlinkWriter().message(MESSAGE.getSet, FLAG.dump, family).string(SET.table, table);
    return [...setsIn(this.#ask(request) ?? NOTHING)];
  }

  set(family: number, table: string, name: string): KernelSet | undefined {
    const request = new NetlinkWriter().message(MESSAGE.getSet, FLAG.ack, family);
    request.string(SET.table, table).string(SET.name, name);
    return [...setsIn(this.#ask(request) ?? NOTHING)][0];
  }

  /** The elements of a set. Empty if there is no such set. */
  elements(set: OpenSet): OpenElement[] {
    const request = new NetlinkWriter().message(MESSAGE.getElement, FLAG.dump, set.tableFamily);
    request.string(ELEMENTS.table, set.table).string(ELEMENTS.set, set.set);
    return [...readElements(this.#ask(request) ?? NOTHING, set)];
  }

  /** The elements of a set of protocols and port ranges. */
  ports(family: number, table: string, name: string): OpenedPorts[] {
    const request = new NetlinkWriter().message(MESSAGE.getElement, FLAG.dump, family);
    request.string(ELEMENTS.table, table).string(ELEMENTS.set, name);
    return [...readPorts(this.#ask(request) ?? NOTHING)];
  }

  /** The element as the kernel has it now. Undefined if it is not there. */
  element(one: OpenElement): OpenElement | undefined {
    const { set } = one;
    const request = new NetlinkWriter().message(MESSAGE.getElement, FLAG.ack, set.tableFamily);
    request.string(ELEMENTS.table, set.table).string(ELEMENTS.set, set.set);
    request.nested(ELEMENTS.elements, () => request.nested(LIST_ELEMENT, () => writeElementKey(request, one)));
    return [...readElements(this.#ask(request) ?? NOTHING, set)][0];
  }

  close(): void {
    this.#socket.close();
  }

  /** Undefined if the kernel has no such thing. */
  #ask(request: NetlinkWriter): Uint8Array | undefined {
    for (let tries = 1; ; tries++) {
      const answer = this.#socket.ask(request.bytes);
      if (typeof answer !== "number") return answer;
      const name = errorName(answer);
      if (name === "ENOENT") return undefined;
      if (tries >= MAX_TRIES || !PASSING.has(name)) throw new KernelError(answer);
    }
  }
}

const NOTHING = new Uint8Array();

function* setsIn(answer: Uint8Array): Generator<KernelSet> {
  for (const { type, attributes } of readMessages(answer)) {
    if (type !== MESSAGE.newSet) continue;
    yield {
      name: attributes.string(SET.name) ?? "",
      flags: attributes.u32(SET.flags) ?? 0,
      keyType: attributes.u32(SET.keyType) ?? 0,
      keyLength: attributes.u32(SET.keyLength) ?? 0,
    };
  }
}
