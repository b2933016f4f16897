// While an attempt is live, the filter also lets strays through, which show a scanner (attempts/stray-ports.ts). Otherwise it
// is as narrow as possible, so that other traffic costs nothing.

import { knockPorts } from "../config/code-doors.ts";
import { type Door, strayLimit } from "../config/door.ts";
import type { Packet } from "../net/packet.ts";
import { TCP, UDP } from "../net/packet.ts";
import type { PortRange } from "../net/port-range.ts";
import { ANY_FLAGS, type TcpFlags } from "../net/tcp-flags.ts";
import { mayBeAnswer, NO_ANSWER } from "./answers.ts";
import type { PortClass } from "./bpf/port-classes.ts";

/** How long the filter stays wide after the last attempt, so that a flood of attempts does not switch it all the time. */
const NARROW_SECONDS = 1;
/** How long the list of listening ports is valid: passive FTP opens a port for each transfer. */
const FRESH_MS = 50;
/** The same for ephemeral UDP ports: each DNS query opens one for some milliseconds. */
const FRESH_UDP_MS = 5;

/** The parts of a door that decide which packets are strays. */
export type Guarded = Pick<Door, "sequence" | "clients" | "tcpFlags"> & {
  readonly policy: Pick<Door["policy"], "strict" | "maxStrays">;
};

export interface ScanWindowOptions {
  /** Sets what wide filters let through beside knocks. Undefined: nothing. */
  readonly prepare: (strays: readonly PortClass[] | undefined) => void;
  readonly widen: (wide: boolean) => void;
  readonly after: (seconds: number, callback: () => void) => { cancel(): void };
  /** Milliseconds, monotonic. */
  readonly now: () => number;
  /** Undefined if the kernel cannot tell: then no packet is a stray. */
  readonly listeningPorts: () => { readonly tcp: readonly number[]; readonly udp: readonly number[] } | undefined;
  /** The ports of outgoing connections: replies to them are no strays. */
  readonly ephemeral: PortRange;
}

export class ScanWindow {
  readonly #options: ScanWindowOptions;
  #tcp: ReadonlySet<number> = new Set();
  #udp: ReadonlySet<number> = new Set();
  #isKnown = false;
  /** The ports for which the filters were prepared. */
  #prepared = "";
  #askedAt = Number.NEGATIVE_INFINITY;
  #wide = false;
  #narrowing: { cancel(): void } | undefined;
  /** The doors with a limit for strays. */
  #guarded: readonly Guarded[] = [];

  constructor(options: ScanWindowOptions) {
    this.#options = options;
  }

  setDoors(doors: readonly Guarded[]): void {
    this.#guarded = doors.filter(({ policy }) => strayLimit(policy) > 0);
    this.#prepared = "";
    this.#prepare();
    this.#options.widen(this.#wide && this.#guarded.length > 0); // the supervisor may have been replaced
  }

  /** Call it with the number of live attempts after every batch. Cheap if nothing changes. */
  update(live: number): void {
    if (live > 0) {
      this.#narrowing?.cancel();
      this.#narrowing = undefined;
      if (this.#wide || this.#guarded.length === 0) return;
      this.#wide = true;
      this.#options.widen(true);
      this.#prepare(); // a server may have started here, and packets to it are not strays
    } else if (this.#wide && this.#narrowing === undefined) {
      this.#narrowing = this.#options.after(NARROW_SECONDS, () => {
        this.#narrowing = undefined;
        this.#wide = false;
        this.#options.widen(false);
      });
    }
  }

  /** May it be a reply to a connection of this host? Then it is neither a knock nor a stray. */
  isAnswer({ protocol, port, flags }: Packet): boolean {
    return protocol === TCP && mayBeAnswer(flags) && this.#isEphemeral(port);
  }

  /** Does no program listen there, and is it no reply to a connection of this host? */
  isStray(packet: Packet): boolean {
    if (this.isAnswer(packet)) return false;
    const { protocol, port } = packet;
    const isUdp = protocol !== TCP;
    this.#askAgain(isUdp && this.#isEphemeral(port) ? FRESH_UDP_MS : FRESH_MS);
    return this.#isKnown && !(isUdp ? this.#udp : this.#tcp).has(port);
  }

  #isEphemeral(port: number): boolean {
    const { low, high } = this.#options.ephemeral;
    return port >= low && port <= high;
  }

  #askAgain(freshMs = FRESH_MS): void {
    const now = this.#options.now();
    if (now - this.#askedAt < freshMs) return;
    this.#askedAt = now;
    const ports = this.#options.listeningPorts();
    this.#isKnown = ports !== undefined;
    this.#tcp = new Set(ports?.tcp);
    this.#udp = new Set(ports?.udp);
  }

  #prepare(): void {
    if (this.#guarded.length === 0) {
      this.#options.prepare(undefined);
      return;
    }
    this.#askAgain();
    const ports = `${[...this.#tcp].sort()} ${[...this.#udp].sort()}`;
    if (ports === this.#prepared) return;
    this.#prepared = ports;
    this.#options.prepare(strayClasses(this.#guarded, this.#tcp, this.#udp, this.#options.ephemeral));
  }
}

/** The ports that the filter lets through beside knocks: packets that would be knocks at another port. */
export function strayClasses(
  doors: readonly Guarded[],
  tcp: ReadonlySet<number>,
  udp: ReadonlySet<number>,
  ephemeral: PortRange,
): PortClass[] {
  const all = doors.flatMap(knockPorts);
  const flags = widest(all.filter(({ protocol }) => protocol === "tcp").map((one) => one.flags));
  const [outside, inside] = [allBut(tcp, ephemeral), within(ephemeral, allBut(tcp))];
  const classes = flags.flatMap((wanted) => [
    { protocol: TCP, flags: wanted, ports: outside },
    ...NO_ANSWER.flatMap((other) => both(wanted, other)).map((told) => ({ protocol: TCP, flags: told, ports: inside })),
  ]);
  if (all.some(({ protocol }) => protocol === "udp")) {
    classes.push({ protocol: UDP, flags: ANY_FLAGS, ports: allBut(udp) });
  }
  return classes.filter(({ ports }) => ports.length > 0);
}

/** The classes that no other class contains, each once. */
function widest(all: readonly TcpFlags[]): TcpFlags[] {
  const contains = (wide: TcpFlags, { set, clear }: TcpFlags) => (wide.set & ~set) === 0 && (wide.clear & ~clear) === 0;
  const isSame = (a: TcpFlags, b: TcpFlags) => contains(a, b) && contains(b, a);
  const each = all.filter((one, i) => all.findIndex((other) => isSame(one, other)) === i);
  return each.filter((one) => !each.some((other) => other !== one && contains(other, one)));
}

/** Both conditions together. Empty if they contradict each other. */
function both(a: TcpFlags, b: TcpFlags): TcpFlags[] {
  const [set, clear] = [a.set | b.set, a.clear | b.clear];
  return (set & clear) === 0 ? [{ set, clear }] : [];
}

function allBut(ports: ReadonlySet<number>, range?: PortRange): PortRange[] {
  const ranges: PortRange[] = [];
  let low = 1;
  const gaps = [...[...ports].map((port) => ({ low: port, high: port })), ...(range ? [range] : [])];
  for (const gap of gaps.sort((a, b) => a.low - b.low)) {
    if (gap.low > low) ranges.push({ low, high: gap.low - 1 });
    low = Math.max(low, gap.high + 1);
  }
  if (low <= 65_535) ranges.push({ low, high: 65_535 });
  return ranges;
}

function within({ low, high }: PortRange, ranges: readonly PortRange[]): PortRange[] {
  return ranges
    .map((range) => ({ low: Math.max(low, range.low), high: Math.min(high, range.high) }))
    .filter((range) => range.low <= range.high);
}
