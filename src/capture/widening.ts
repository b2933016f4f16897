// While an attempt is live, the filter also lets through what only a scanner touches (attempts/strays.ts); while none is,
// it is as narrow as can be, so that the rest of the world's traffic costs nothing.

import * as fs from "node:fs";
import type { Packet } from "../attempts/packet.ts";
import { TCP } from "../attempts/packet.ts";
import { TCP_FLAG_BITS } from "../config/tcp-flags.ts";
import { native } from "./native.ts";
import type { PortClass, Range } from "./port-classes.ts";

/** After the last attempt has ended: a flood of attempts must not become a flood of filters. */
const NARROW_SECONDS = 1;
/** What is known of the ports on which we listen is good for so long: passive FTP opens one for each transfer. */
const FRESH_MS = 50;
/** Linux's default for net.ipv4.ip_local_port_range. */
const USUAL_EPHEMERAL: Range = { low: 32_768, high: 60_999 };

export interface WideningOptions {
  /** What wide filters let through beside knocks; undefined: nothing. */
  readonly prepare: (strays: readonly PortClass[] | undefined) => void;
  readonly widen: (wide: boolean) => void;
  readonly after: (seconds: number, callback: () => void) => { cancel(): void };
  /** Milliseconds, monotonic. */
  readonly now: () => number;
  /** Undefined when nobody can tell: then no packet is a stray. */
  readonly listeningPorts: () => { readonly tcp: readonly number[]; readonly udp: readonly number[] } | undefined;
  /** The ports of outgoing connections: answers to them are no strays. */
  readonly ephemeral: Range;
}

export class Widening {
  readonly #options: WideningOptions;
  #tcp: ReadonlySet<number> = new Set();
  #udp: ReadonlySet<number> = new Set();
  #isKnown = false;
  /** The ports for which the filters were prepared. */
  #prepared = "";
  #askedAt = Number.NEGATIVE_INFINITY;
  #wide = false;
  #narrowing: { cancel(): void } | undefined;
  /** Some door minds strays; some door minds UDP's too. */
  #guards: "none" | "tcp" | "all" = "none";

  constructor(options: WideningOptions) {
    this.#options = options;
  }

  setDoors(doors: readonly { readonly policy: { readonly maxStrays: number; readonly strict: boolean } }[]): void {
    this.#guards = "none";
    if (doors.some(({ policy }) => policy.maxStrays > 0)) this.#guards = "tcp";
    if (doors.some(({ policy }) => policy.strict)) this.#guards = "all";
    this.#prepared = "";
    this.#prepare();
    this.#options.widen(this.#wide && this.#guards !== "none"); // the lookout may be a new one
  }

  /** So many attempts are live. Asked after every batch: cheap when nothing changes. */
  update(live: number): void {
    if (live > 0) {
      this.#narrowing?.cancel();
      this.#narrowing = undefined;
      if (this.#wide || this.#guards === "none") return;
      this.#wide = true;
      this.#options.widen(true);
      this.#prepare(); // meanwhile a server may have started here, whose traffic is not for us
    } else if (this.#wide && this.#narrowing === undefined) {
      this.#narrowing = this.#options.after(NARROW_SECONDS, () => {
        this.#narrowing = undefined;
        this.#wide = false;
        this.#options.widen(false);
      });
    }
  }

  /** Nobody listens there, and it is no answer to a connection of ours. */
  isStray({ protocol, port, flags }: Packet): boolean {
    const { ephemeral } = this.#options;
    if ((flags & TCP_FLAG_BITS.rst) !== 0) return false; // it ends a connection of ours, or means nothing
    if ((protocol !== TCP || (flags & TCP_FLAG_BITS.ack) !== 0) && port >= ephemeral.low && port <= ephemeral.high) {
      return false;
    }
    this.#askAgain();
    return this.#isKnown && !(protocol === TCP ? this.#tcp : this.#udp).has(port);
  }

  #askAgain(): void {
    const now = this.#options.now();
    if (now - this.#askedAt < FRESH_MS) return;
    this.#askedAt = now;
    const ports = this.#options.listeningPorts();
    this.#isKnown = ports !== undefined;
    this.#tcp = new Set(ports?.tcp);
    this.#udp = new Set(ports?.udp);
  }

  #prepare(): void {
    if (this.#guards === "none") {
      this.#options.prepare(undefined);
      return;
    }
    this.#askAgain();
    const ports = `${[...this.#tcp].sort()} ${[...this.#udp].sort()}`;
    if (ports === this.#prepared) return;
    this.#prepared = ports;
    this.#options.prepare(strayClasses(this.#tcp, this.#udp, this.#options.ephemeral, this.#guards === "all"));
  }
}

/** What the filter lets through beside knocks, as classes of ports. */
export function strayClasses(
  tcp: ReadonlySet<number>,
  udp: ReadonlySet<number>,
  ephemeral: Range,
  withUdp: boolean,
): PortClass[] {
  const { ack } = TCP_FLAG_BITS;
  const classes = [
    { protocol: TCP, flags: { set: 0, clear: ack }, ports: allBut(tcp) },
    // An ACK scan opens doors without TCPFlags.
    { protocol: TCP, flags: { set: ack, clear: 0 }, ports: allBut(tcp, ephemeral) },
    ...(withUdp ? [{ protocol: 17, flags: { set: 0, clear: 0 }, ports: allBut(udp, ephemeral) }] : []),
  ];
  return classes.filter(({ ports }) => ports.length > 0);
}

/** The kernel's range of ports for outgoing connections. */
export function ephemeralPorts(): Range {
  try {
    const [low, high] = fs
      .readFileSync("/proc/sys/net/ipv4/ip_local_port_range", "latin1")
      .trim()
      .split(/\s+/)
      .map(Number);
    return low! <= high! ? { low: low!, high: high! } : USUAL_EPHEMERAL;
  } catch {
    return USUAL_EPHEMERAL; // no /proc in some containers
  }
}

/** The one that asks this host; undefined where the kernel can't tell. */
export function listeningPorts(): { tcp: number[]; udp: number[] } | undefined {
  try {
    return native.listeningPorts();
  } catch {
    return undefined;
  }
}

function allBut(ports: ReadonlySet<number>, range?: Range): Range[] {
  const ranges: Range[] = [];
  let low = 1;
  const gaps = [...[...ports].map((port) => ({ low: port, high: port })), ...(range ? [range] : [])];
  for (const gap of gaps.sort((a, b) => a.low - b.low)) {
    if (gap.low > low) ranges.push({ low, high: gap.low - 1 });
    low = Math.max(low, gap.high + 1);
  }
  if (low <= 65_535) ranges.push({ low, high: 65_535 });
  return ranges;
}
