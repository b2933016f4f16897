// Keeps listening at every interface that is meant, as they come, go and change: the kernel says when something has
// happened (netlink), and each time the whole is looked at anew, so that nothing missed can leave us deaf.

import type { Listener } from "../attempts/ears.ts";
import { Echoes } from "./echoes.ts";
import { ANY, AUTO, choose, isOneName, ownAddresses } from "./interfaces.ts";
import { CannotListen, Listening } from "./listening.ts";
import { type NativeLinkWatch, native, type Snapshot } from "./native.ts";
import type { OwnAddresses } from "./own-addresses.ts";
import type { PortClass } from "./port-classes.ts";
import type { CapturedPacket, Records } from "./records.ts";

/** Changes come in swarms; together they are looked at so soon. */
const SETTLE_MS = 20;
/** An interface that is there and can't be opened is tried again so often, and all is checked. */
const [RETRY_MS, CHECK_MS] = [1000, 60_000] as const;

export interface LookoutOptions {
  /** Of interfaces.ts. */
  readonly words: readonly string[];
  readonly onlyIpv4: boolean;
  /** A single interface that is not there is waited for: else it is an error, as in 0.8. */
  readonly wait: boolean;
  /** Milliseconds, monotonic. */
  readonly now: () => number;
  readonly onBatch: (listening: Listening, records: Records, count: number, now: number) => void;
  /** `notice`: what has come about. `warn`: what is gone or lost. `error`: we are deaf, and try again. */
  readonly tell: Readonly<Record<"notice" | "warn" | "error", (line: string) => void>>;
  /** `status` may be another. */
  readonly onStatus: () => void;
}

/** What `any` listens at never goes. */
const ALL_LINKS = { name: ANY, index: 0, up: true };

interface Place {
  readonly listening: Listening;
  /** Of its link; 0 for `any`. */
  readonly index: number;
  up: boolean;
  /** Why some knock would not be heard, though all seems well. */
  deaf: string | undefined;
  /** Nothing more comes from it, in libpcap's words. */
  broken: string | undefined;
}

/** Throws CannotListen where the kernel does not say: under systemd's RestrictAddressFamilies without AF_NETLINK. */
export function interfacesNow(withRoutes: boolean): Snapshot {
  try {
    return native.snapshot(withRoutes);
  } catch (error) {
    throw new CannotListen(`the interfaces can't be looked at: ${(error as Error).message}`);
  }
}

function watch(onChange: () => void, withRoutes: boolean): NativeLinkWatch {
  try {
    return new native.LinkWatch(onChange, withRoutes);
  } catch (error) {
    throw new CannotListen(`the interfaces can't be followed: ${(error as Error).message}`);
  }
}

export class Lookout {
  readonly #options: LookoutOptions;
  readonly #places = new Map<string, Place>();
  /** Interfaces that could not be opened, or failed, and why. */
  readonly #failed = new Map<string, string>();
  readonly #gone = new Set<string>();
  readonly #echoes = new Echoes();
  readonly #watch: NativeLinkWatch;
  #missing: readonly string[] = [];
  #listeners: readonly Listener[] = [];
  #strays: readonly PortClass[] | undefined;
  #isWide = false;
  #started = false;
  #closed = false;
  /** The interfaces can't be looked at, which has been told. */
  #blind = false;
  #status = "";
  #settling: NodeJS.Timeout | undefined;
  #retry: NodeJS.Timeout | undefined;
  #check: NodeJS.Timeout | undefined;

  /** Opens what is there; nothing is heard before `start`. Throws CannotListen. */
  constructor(options: LookoutOptions) {
    this.#options = options;
    this.#watch = watch(() => this.#onChange(), this.#withRoutes);
    try {
      this.#openAll();
    } catch (error) {
      this.close();
      throw error;
    }
  }

  /** For systemd and people: `listening on eth0 (192.168.1.5), waiting for wlan0`. */
  get status(): string {
    const at = (place: Place) =>
      place.deaf ? "deaf" : place.up ? `${place.listening.own}` || "no address yet" : "down";
    const here = [...this.#places].map(([name, place]) => `${name} (${at(place)})`);
    const listening = here.length > 0 ? [`listening on ${here.join(", ")}`] : [];
    const waiting = [...this.#missing, ...this.#failed.keys()];
    return [...listening, ...(waiting.length > 0 ? [`waiting for ${waiting.join(", ")}`] : [])].join("; ");
  }

  get words(): readonly string[] {
    return this.#options.words;
  }

  /** Those listened at now. */
  get listenings(): readonly Listening[] {
    return [...this.#places.values()].map(({ listening }) => listening);
  }

  /** Is something there at which we ought to hear, and do not? */
  get isDeaf(): boolean {
    return this.#failed.size > 0 || [...this.#places.values()].some((place) => place.deaf !== undefined);
  }

  get missing(): readonly string[] {
    return this.#missing;
  }

  /** Can one packet be seen at two interfaces? Asked once a batch. */
  get hasEchoes(): boolean {
    return this.#places.size > 1 || this.#places.has(ANY);
  }

  /** The same packet, seen at another interface? */
  isEcho(packet: CapturedPacket): boolean {
    return this.#echoes.has(packet);
  }

  /** From now on these doors. Returns the longest filter's instructions. Throws CannotListen: then the old ones go on. */
  setDoors(listeners: readonly Listener[]): number {
    const snapshot = this.#snapshot();
    const before = this.#listeners;
    let longest = 0;
    try {
      for (const [name, { listening }] of this.#places) {
        longest = Math.max(longest, listening.hear(listeners, this.#own(name, snapshot)));
      }
    } catch (error) {
      for (const { listening } of this.#places.values()) listening.hear(before, listening.own);
      throw error;
    }
    this.#listeners = listeners;
    this.#selfTest();
    return longest;
  }

  /** What the filters let through while they are wide (widening.ts). */
  prepare(strays: readonly PortClass[] | undefined): void {
    this.#strays = strays;
    this.#each((listening) => listening.prepare(strays));
  }

  widen(wide: boolean): void {
    this.#isWide = wide;
    this.#each((listening) => listening.widen(wide));
  }

  /** For the filters' width: whatever becomes of it, knocks are heard as before. */
  #each(change: (listening: Listening) => void): void {
    for (const [name, { listening }] of this.#places) {
      try {
        change(listening);
      } catch (error) {
        this.#options.tell.warn(`${name}: scans are not seen: ${(error as Error).message}`);
      }
    }
  }

  start(): void {
    this.#started = true;
    for (const { listening } of this.#places.values()) listening.start();
    this.#status = this.status;
    this.#check = setInterval(() => this.check(), CHECK_MS);
    this.#onChange(); // between opening and the filter something may have changed
  }

  /** At any time, and again. */
  close(): void {
    this.#closed = true;
    for (const timer of [this.#settling, this.#retry, this.#check]) clearTimeout(timer);
    this.#watch.close();
    for (const { listening } of this.#places.values()) listening.close();
    this.#places.clear();
  }

  /** Do we hear what we think we hear? What does not is opened anew. */
  check(): void {
    for (const [name, { listening }] of this.#places) {
      try {
        const { lost, stuck } = listening.account();
        if (lost > 0) this.#options.tell.warn(`${name}: ${lost} packets lost: more came than could be looked at`);
        if (stuck) this.#fail(name, "packets came and could not be fetched");
      } catch (error) {
        this.#fail(name, (error as Error).message);
      }
    }
    this.#selfTest();
    this.#onChange();
  }

  get #withRoutes(): boolean {
    return this.#options.words.includes(AUTO);
  }

  #snapshot(): Snapshot {
    return interfacesNow(this.#withRoutes);
  }

  #own(name: string, snapshot: Snapshot): OwnAddresses {
    return ownAddresses(name, snapshot, this.#options.onlyIpv4);
  }

  /** At the start an interface that is there must open: whoever started us is still looking. */
  #openAll(): void {
    const { words, wait } = this.#options;
    const snapshot = this.#snapshot();
    const { present, missing } = choose(words, snapshot);
    this.#missing = missing;
    if (missing.length > 0 && isOneName(words) && !wait) this.#open(words[0]!, snapshot); // libpcap says why not
    for (const name of present) if (!this.#places.has(name)) this.#open(name, snapshot);
  }

  #open(name: string, snapshot: Snapshot): Place {
    const listening: Listening = new Listening(name, !isOneName(this.#options.words), {
      now: this.#options.now,
      onBatch: (records, count, at) => this.#options.onBatch(listening, records, count, at),
      onError: (error) => {
        place.broken = error.message;
        this.#onChange(); // which sees whether the interface is still there
      },
    });
    const index = snapshot.links.find((link) => link.name === name)?.index ?? 0;
    const place: Place = { listening, index, up: true, deaf: undefined, broken: undefined };
    this.#places.set(name, place);
    return place;
  }

  #onChange(): void {
    if (this.#closed) return;
    this.#settling ??= setTimeout(() => {
      this.#settling = undefined;
      if (this.#started && !this.#closed) this.#lookAround();
    }, SETTLE_MS);
  }

  #lookAround(): void {
    let snapshot: Snapshot;
    try {
      snapshot = this.#snapshot();
    } catch (error) {
      if (!this.#blind) this.#options.tell.error((error as Error).message);
      this.#blind = true;
      this.#tryLater();
      return;
    }
    this.#blind = false;
    const { present, missing } = choose(this.#options.words, snapshot);
    for (const [name, place] of this.#places) this.#keepOrClose(name, place, snapshot);
    for (const name of present) if (!this.#places.has(name)) this.#comeBack(name, snapshot);
    for (const name of this.#failed.keys()) if (!present.includes(name)) this.#failed.delete(name);
    this.#missing = missing.filter((word) => !this.#places.has(word));
    if (this.#failed.size > 0) this.#tryLater();
    if (this.#status !== this.status) this.#options.onStatus();
    this.#status = this.status;
  }

  #keepOrClose(name: string, place: Place, snapshot: Snapshot): void {
    if (name === ANY && place.broken === undefined) {
      this.#followAddresses(name, place, snapshot);
      return;
    }
    const link = name === ANY ? ALL_LINKS : snapshot.links.find((one) => one.name === name);
    const meant = choose(this.#options.words, { ...snapshot, links: link ? [{ ...link, up: true }] : [] });
    if (link?.index !== place.index || meant.present.length === 0) {
      place.listening.close();
      this.#places.delete(name);
      this.#gone.add(name);
      const why = link?.index === place.index ? "is not meant any more" : "is gone: waiting for it";
      this.#options.tell.warn(`${name} ${why}`);
      return;
    }
    if (place.broken !== undefined) {
      this.#fail(name, place.broken);
      return;
    }
    if (link.up !== place.up) {
      place.up = link.up;
      if (link.up) this.#options.tell.notice(`${name} is up again`);
      else this.#options.tell.warn(`${name} is down: waiting for it`);
    }
    this.#followAddresses(name, place, snapshot);
  }

  #followAddresses(name: string, { listening }: Place, snapshot: Snapshot): void {
    const own = this.#own(name, snapshot);
    if (own.equals(listening.own)) return;
    try {
      listening.hear(this.#listeners, own);
    } catch (error) {
      this.#fail(name, (error as Error).message);
      return;
    }
    this.#options.tell.notice(`${name}: listening at ${`${own}` || "no address yet"}`);
    this.#selfTest();
  }

  #comeBack(name: string, snapshot: Snapshot): void {
    try {
      const { listening } = this.#open(name, snapshot);
      listening.hear(this.#listeners, this.#own(name, snapshot));
      listening.prepare(this.#strays);
      listening.widen(this.#isWide);
      listening.start();
    } catch (error) {
      if (!(error instanceof CannotListen)) throw error;
      this.#fail(name, error.message);
      return;
    }
    this.#failed.delete(name);
    const own = `${this.#places.get(name)!.listening.own}` || "no address yet";
    this.#options.tell.notice(`${name} is ${this.#gone.delete(name) ? "back" : "there"}: listening at ${own}`);
    this.#selfTest();
  }

  /** What is found deaf gets its filter anew; what is deaf even then is told, and `isDeaf`. */
  #selfTest(): void {
    for (const [name, place] of this.#places) {
      let why = place.listening.selfTest();
      if (why !== undefined) {
        place.listening.hearAgain();
        why = place.listening.selfTest();
      }
      if (why !== undefined && why !== place.deaf) this.#options.tell.error(`deaf on ${name}: ${why}`);
      place.deaf = why;
    }
  }

  /** We are deaf there: told once until it works again. */
  #fail(name: string, why: string): void {
    this.#places.get(name)?.listening.close();
    this.#places.delete(name);
    if (this.#failed.get(name) !== why) this.#options.tell.error(`deaf on ${name}, trying again: ${why}`);
    this.#failed.set(name, why);
  }

  #tryLater(): void {
    clearTimeout(this.#retry);
    this.#retry = setTimeout(() => this.#onChange(), RETRY_MS);
  }
}
