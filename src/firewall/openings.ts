// Opens ports for clients in the kernel's sets, for a time, and closes them early if asked. The kernel closes them on time,
// even if the daemon has died.

import type { Opening } from "../config/opening.ts";
import { type Address, isIpv4 } from "../net/address.ts";
import { masked } from "../net/network.ts";
import { identity, leftOf } from "./carry-over.ts";
import { addressOf, commentOf, type OpenElement } from "./element.ts";
import { renewal, replacement } from "./element-batches.ts";
import type { ExpectedOpening } from "./expected-opening.ts";
import { errorName, openingFailure, refusal } from "./firewall-error.ts";
import { KernelError, type KernelTables } from "./kernel-tables.ts";
import { type BuiltInDoor, elementsFor, type Layout } from "./layout.ts";
import type { OpenClient, OpeningResult } from "./open-client.ts";
import { type OpenTime, OpenTimes } from "./open-times.ts";
import { OpeningBatch } from "./opening-batch.ts";

/** The largest number of open doors, counting each client. */
const MAX_OPEN = 65_536;

export class Openings {
  readonly #kernel: KernelTables;
  readonly #expected: ExpectedOpening;
  /** Seconds, monotonic. */
  readonly #now: () => number;
  /** The open doors of each client, with their times. */
  readonly times = new OpenTimes();
  #layout: Layout | undefined;
  /** The names of the doors by their comments. */
  #names = new Map<string, string>();
  /** The prepared batches of each door, for IPv4 and IPv6. */
  #batches = new WeakMap<Opening, readonly [OpeningBatch, OpeningBatch]>();

  constructor(kernel: KernelTables, expected: ExpectedOpening, now: () => number) {
    this.#kernel = kernel;
    this.#expected = expected;
    this.#now = now;
  }

  /** Sets the doors, and what is open. */
  setLayout(layout: Layout, open: readonly OpenElement[]): void {
    this.#layout = layout;
    this.#names = new Map([...layout.doors.keys()].map((name) => [commentOf(name), name]));
    this.#batches = new WeakMap();
    const before = [...this.times];
    this.times.clear();
    for (const element of open) {
      const [door, address] = [element.comment, addressOf(element)];
      const until = this.#now() + leftOf(element) / 1000;
      if (until > (this.times.get(door, address) ?? 0)) this.times.set(door, address, until);
    }
    this.#keepShorter(before, open);
  }

  /** Keeps the times of doors whose ports another door holds open for longer: the kernel does not know these times. */
  #keepShorter(before: readonly OpenTime[], open: readonly OpenElement[]): void {
    const missing = before.filter(({ door, address }) => this.times.get(door, address) === undefined);
    if (missing.length === 0) return;
    const there = new Set(open.map(identity));
    for (const { door, address, until } of missing) {
      const name = this.#names.get(door);
      if (name !== undefined && this.#elementsFor(name, address).every((one) => there.has(identity(one))))
        this.times.set(door, address, until);
    }
  }

  /** Prepares the batches that `open` needs, before the first knock. */
  prepare(door: BuiltInDoor): readonly [OpeningBatch, OpeningBatch] {
    let batches = this.#batches.get(door.opening);
    if (batches === undefined) {
      const { name } = door;
      const ports = this.#layout!.doors.get(name)!;
      const of = (family: 4 | 6) => new OpeningBatch(this.#layout!, name, ports, family);
      batches = [of(4), of(6)];
      this.#batches.set(door.opening, batches);
    }
    return batches;
  }

  /** The batch by which `open` would let this client in. Undefined if it would need another. Valid until the next call. */
  batchFor(door: BuiltInDoor, client: Address): Uint8Array | undefined {
    const batch = this.prepare(door)[isIpv4(client) ? 0 : 1];
    const isOpen = this.times.get(commentOf(door.name), this.#addressOf(door.name, client)) !== undefined;
    return isOpen || batch.isShared || this.times.size >= MAX_OPEN ? undefined : batch.for(client);
  }

  /** Lets a client in. The kernel has done it when this returns. `restore` rebuilds a table that somebody has removed. */
  open(door: BuiltInDoor, client: Address, restore: () => boolean): OpeningResult {
    const { seconds = Number.POSITIVE_INFINITY, prefix6 } = door.opening;
    const isV4 = isIpv4(client);
    const address = isV4 ? client : masked(client, prefix6);
    const batch = this.prepare(door)[isV4 ? 0 : 1];
    const comment = commentOf(door.name);
    const isOpen = this.times.get(comment, address) !== undefined;
    if (!isOpen && this.times.size >= MAX_OPEN) return { failed: `too many doors are open (${MAX_OPEN})` };
    // Avoid a batch that the kernel would refuse: then it waits for all processors (synchronize_rcu), about 15 ms.
    if (isOpen || batch.isShared) return this.#tryRenew(door, address, restore);
    const error = this.#expected.isDone(door, client) ? "" : errorName(this.#kernel.transact(batch.for(address)));
    if (error === "EEXIST") return this.#tryRenew(door, address, restore);
    if (error === "ENOENT" && restore()) return this.#tryRenew(door, address);
    if (error !== "") return { failed: openingFailure(error) };
    this.times.set(comment, address, this.#now() + seconds);
    return "opened";
  }

  /** Returns false if it was not open. A port that another door has also opened for the client stays open for that door. */
  close(door: string, client: Address): boolean {
    if (this.#layout?.doors.get(door) === undefined) return false;
    const there = this.#elementsOf(door, client);
    const own = there.filter(({ comment }) => comment === commentOf(door));
    if (own.length > 0) this.#must(replacement(own, this.#ofOthers(own, client)));
    const address = this.#addressOf(door, client);
    const wasOpen = this.times.get(commentOf(door), address) !== undefined && there.length > 0;
    this.times.delete(commentOf(door), address);
    return wasOpen;
  }

  /** Returns the seconds that are left then. Infinity if it stays open anyway; undefined if it was not open. */
  extend(door: string, client: Address, seconds: number): number | undefined {
    const there = this.#elementsOf(door, client);
    const before = this.#leftOf(door, client, there);
    if (before === undefined) return undefined;
    const left = before + seconds;
    const milliseconds = left === Number.POSITIVE_INFINITY ? undefined : left * 1000;
    const shorter = there.filter((one) => leftOf(one) < left * 1000);
    const longer = shorter.map((one) => ({ ...one, comment: commentOf(door), left: milliseconds }));
    if (longer.length > 0) this.#must(renewal(longer));
    this.times.set(commentOf(door), this.#addressOf(door, client), this.#now() + left);
    return left;
  }

  /** Lists the open doors. Asks the kernel about one after the other. */
  *list(): Generator<OpenClient> {
    for (const { door: comment, address } of this.times) {
      const door = this.#names.get(comment)!;
      const there = this.#elementsOf(door, address);
      const left = this.#leftOf(door, address, there);
      if (left === undefined) continue;
      yield { door, address, left, uses: there.reduce((sum, { packets }) => sum + packets, 0) };
    }
  }

  /** Removes and returns the doors that have closed. */
  expire(): OpenTime[] {
    return this.times.expire(this.#now()).map((one) => ({ ...one, door: this.#names.get(one.door)! }));
  }

  /** Closes all doors, and returns them. */
  closeAll(): OpenTime[] {
    const open = [...this.times].map((one) => ({ ...one, door: this.#names.get(one.door)! }));
    const ours = (one: OpenElement) => this.#names.has(one.comment);
    const elements = this.#layout!.sets.flatMap((set) => this.#kernel.elements(set).filter(ours));
    if (elements.length > 0) this.#must(replacement(elements, []));
    this.times.clear();
    return open;
  }

  /** The elements that should be open by our own clock, after somebody has flushed the table. */
  remaining(): OpenElement[] {
    return [...this.times].flatMap(({ door: comment, address, until }) => {
      const left = until - this.#now();
      if (left <= 0) return [];
      const ports = this.#layout!.doors.get(this.#names.get(comment)!)!;
      const milliseconds = left === Number.POSITIVE_INFINITY ? undefined : left * 1000;
      return elementsFor(this.#layout!, ports, address, { comment, left: milliseconds, packets: 0, bytes: 0 });
    });
  }

  #tryRenew(door: BuiltInDoor, address: Address, restore?: () => boolean): OpeningResult {
    try {
      return this.#renew(door, address, restore);
    } catch (error) {
      if (!(error instanceof KernelError)) throw error;
      return { failed: openingFailure(errorName(error.errno)) };
    }
  }

  /** Opens a door whose port this door or another one holds open already. It stays open for the longer time. */
  #renew(door: BuiltInDoor, address: Address, restore: () => boolean = () => false): OpeningResult {
    const comment = commentOf(door.name);
    const left = door.opening.seconds && door.opening.seconds * 1000;
    const ports = this.#layout!.doors.get(door.name)!;
    const elements = elementsFor(this.#layout!, ports, address, { comment, left, packets: 0, bytes: 0 }).map((one) => {
      const before = this.#kernel.element(one);
      if (before === undefined) return one;
      const { packets, bytes } = before;
      return { ...(leftOf(before) > leftOf(one) ? before : one), packets, bytes };
    });
    const error = errorName(this.#kernel.transact(renewal(elements)));
    if (error === "ENOENT" && restore()) return this.#renew(door, address);
    if (error !== "") return { failed: openingFailure(error) };
    const own = elements.filter((one) => one.comment === comment).map(leftOf);
    const longest = Math.max(left ?? Number.POSITIVE_INFINITY, ...own) / 1000;
    const before = this.times.get(comment, address);
    const isNew = before === undefined;
    this.times.set(comment, address, Math.max(before ?? 0, this.#now() + longest));
    return isNew ? "opened" : "extended";
  }

  #must(batch: Uint8Array): void {
    const errno = this.#kernel.transact(batch);
    if (errno !== 0) throw refusal("the sets can't be changed", errno);
  }

  /** Those of these elements that another door opens, too, with the longest time that such a door has left. */
  #ofOthers(elements: readonly OpenElement[], client: Address): OpenElement[] {
    const others = new Map<string, OpenElement>();
    for (const [name] of this.#layout!.doors) {
      const comment = commentOf(name);
      const seconds = (this.times.get(comment, this.#addressOf(name, client)) ?? 0) - this.#now();
      if (seconds <= 0 || comment === elements[0]!.comment) continue;
      const left = seconds === Number.POSITIVE_INFINITY ? undefined : seconds * 1000;
      const ports = new Set(this.#elementsFor(name, client).map(identity));
      for (const one of elements) {
        const before = others.get(identity(one));
        if (!ports.has(identity(one)) || (before !== undefined && leftOf(before) >= seconds * 1000)) continue;
        others.set(identity(one), { ...one, comment, left });
      }
    }
    return [...others.values()];
  }

  /** The seconds for which the door itself keeps these elements open. Undefined if it does not. */
  #leftOf(door: string, client: Address, there: readonly OpenElement[]): number | undefined {
    if (there.length === 0) return undefined;
    const own = there.filter(({ comment }) => comment === commentOf(door));
    if (own.length > 0) return Math.max(...own.map(leftOf)) / 1000;
    const until = this.times.get(commentOf(door), this.#addressOf(door, client));
    return until === undefined || until <= this.#now() ? undefined : until - this.#now();
  }

  #elementsFor(door: string, client: Address): OpenElement[] {
    const none = { comment: commentOf(door), left: undefined, packets: 0, bytes: 0 };
    return elementsFor(this.#layout!, this.#layout!.doors.get(door)!, client, none);
  }

  /** The kernel's elements for this door's ports and this client. Their comments name the doors that keep them open. */
  #elementsOf(door: string, client: Address): OpenElement[] {
    if (this.#layout?.doors.get(door) === undefined) return [];
    return this.#elementsFor(door, client).flatMap((one) => this.#kernel.element(one) ?? []);
  }

  /** The client's address as the kernel has it: with an IPv6 prefix, the network. */
  #addressOf(door: string, client: Address): Address {
    return isIpv4(client) ? client : masked(client, this.#layout!.doors.get(door)!.prefix6);
  }
}
