// Which ports count at which addresses: first exactly as the doors need them, then coarser step by step, until the
// filter fits into the kernel's 4,096 instructions.

import { knockPorts } from "../../config/code-doors.ts";
import { strayLimit } from "../../config/door.ts";
import type { ResolvedDoor } from "../../config/resolved-door.ts";
import type { Address } from "../../net/address.ts";
import { formatAddress } from "../../net/address.ts";
import { TCP, UDP } from "../../net/packet.ts";
import type { PortRange } from "../../net/port-range.ts";
import { ANY_FLAGS, type TcpFlags } from "../../net/tcp-flags.ts";

export interface PortClass {
  readonly protocol: number;
  readonly flags: TcpFlags;
  /** At least one, in ascending order. They neither overlap nor touch. */
  readonly ports: readonly PortRange[];
}

export interface Body {
  /** Undefined: any destination. */
  readonly addresses: readonly Address[] | undefined;
  readonly classes: readonly PortClass[];
}

/** A range takes at least two instructions, so more ranges never fit. */
const MAX_RANGES = 2048;
/**
 * Fewer ranges would pass nearly everything. One class of this size for TCP and one for UDP, at any destination, always
 * fit.
 */
const FEWEST_RANGES = 64;

/** Each address at which a door listens belongs to exactly one body, which has all the ports that count there. */
export function portClasses(
  own: readonly Address[],
  resolvedDoors: readonly ResolvedDoor[],
  strays: readonly PortClass[] = [],
): Body[] {
  const at = new Map<string, { address: Address; resolvedDoors: Set<ResolvedDoor> }>();
  for (const resolvedDoor of resolvedDoors) {
    for (const address of resolvedDoor.targets ?? own) {
      const text = formatAddress(address);
      const place = at.get(text) ?? { address, resolvedDoors: new Set() };
      at.set(text, place);
      place.resolvedDoors.add(resolvedDoor);
    }
  }
  const numbers = new Map(resolvedDoors.map((resolvedDoor, number) => [resolvedDoor, number]));
  const bodies = new Map<string, { addresses: Address[]; classes: PortClass[] }>();
  for (const { address, resolvedDoors: here } of at.values()) {
    const more = strays.length > 0 && [...here].some(({ door }) => strayLimit(door.policy) > 0) ? strays : [];
    const key = `${[...here].map((resolvedDoor) => numbers.get(resolvedDoor)).join()} ${more.length}`;
    const body = bodies.get(key) ?? { addresses: [], classes: [...classesOf([...here]), ...more] };
    bodies.set(key, body);
    body.addresses.push(address);
  }
  return [...bodies.values()];
}

/** The bodies as they are, then coarser ones. Each is a superset of the one before. */
export function* dropToFit(bodies: readonly Body[]): Generator<readonly Body[]> {
  for (const shapeOf of [() => bodies, () => [anywhere(bodies)]]) {
    const shape = shapeOf(); // the second one is rarely needed, and building it takes a sixth of the start
    let longest = 0;
    for (const { classes } of shape) for (const { ports } of classes) longest = Math.max(longest, ports.length);
    for (let most = Math.min(longest, MAX_RANGES); ; most -= most >> 3) {
      yield shape.map(({ addresses, classes }) => ({
        addresses,
        classes: classes.map((one) => ({ ...one, ports: coarsen(one.ports, most) })),
      }));
      if (most <= FEWEST_RANGES) break;
    }
  }
}

/** At most `most` ranges. Closes the smallest gaps. */
export function coarsen(ranges: readonly PortRange[], most: number): readonly PortRange[] {
  if (ranges.length <= most) return ranges;
  const gap = (i: number) => ranges[i]!.low - ranges[i - 1]!.high;
  const kept = new Set(
    [...ranges.keys()]
      .slice(1)
      .sort((a, b) => gap(b) - gap(a))
      .slice(0, most - 1),
  );
  const coarse: { low: number; high: number }[] = [];
  ranges.forEach((range, i) => {
    if (i === 0 || kept.has(i)) coarse.push({ ...range });
    else coarse.at(-1)!.high = range.high;
  });
  return coarse;
}

function classesOf(resolvedDoors: readonly ResolvedDoor[]): PortClass[] {
  const classes = new Map<string, { protocol: number; flags: TcpFlags; ports: PortRange[] }>();
  for (const { door } of resolvedDoors) {
    for (const range of knockPorts(door)) {
      const [protocol, flags] = range.protocol === "tcp" ? [TCP, range.flags] : [UDP, ANY_FLAGS];
      const key = `${protocol} ${flags.set} ${flags.clear}`;
      const one = classes.get(key) ?? { protocol, flags, ports: [] };
      classes.set(key, one);
      one.ports.push(range);
    }
  }
  return [...classes.values()].map((one) => ({ ...one, ports: merged(one.ports) }));
}

/** All ports at any destination, TCP with any flags. */
function anywhere(bodies: readonly Body[]): Body {
  const of = (protocol: number): PortClass[] => {
    const ports = bodies
      .flatMap(({ classes }) => classes.filter((one) => one.protocol === protocol))
      .flatMap((one) => one.ports);
    return ports.length > 0 ? [{ protocol, flags: ANY_FLAGS, ports: merged(ports) }] : [];
  };
  return { addresses: undefined, classes: [...of(TCP), ...of(UDP)] };
}

/** In ascending order. Ranges that overlap or touch become one. */
function merged(ports: readonly PortRange[]): PortRange[] {
  const ranges: { low: number; high: number }[] = [];
  for (const { low, high } of [...ports].sort((a, b) => a.low - b.low)) {
    const last = ranges.at(-1);
    if (last !== undefined && low <= last.high + 1) last.high = Math.max(last.high, high);
    else ranges.push({ low, high });
  }
  return ranges;
}
