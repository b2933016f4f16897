// What the kernel must hold for a config: which sets exist, which ports are guarded, and which elements each door adds.

import type { Door } from "../config/door.ts";
import type { FirewallOptions, OpenedPorts } from "../config/opening.ts";
import type { Address } from "../net/address.ts";
import { isIpv4 } from "../net/address.ts";
import { masked } from "../net/network.ts";
import { commentOf, keyOf, type OpenElement, type OpenSet } from "./element.ts";
import { FirewallError } from "./firewall-error.ts";
import { FAMILIES } from "./nftables.ts";

export const TABLE_NAME = "knockd";
/** The table of backstop.ts. */
export const BACKSTOP_NAME = "knockd_backstop";
export const INET = FAMILIES.inet!;

/** A door that opens ports without a command. */
export type BuiltInDoor = Door & { readonly opening: NonNullable<Door["opening"]> };

export interface Layout {
  readonly options: FirewallOptions;
  /** The ports of all doors, none twice. */
  readonly guarded: readonly OpenedPorts[];
  /** The sets of our own table; in mode `set` the user's two. */
  readonly sets: readonly OpenSet[];
  /** Does a door open UDP ports? */
  readonly hasUdp: boolean;
  /** What each door opens, by the door's name. Ranges are cut where another door's range begins or ends. */
  readonly doors: ReadonlyMap<string, DoorPorts>;
}

export interface DoorPorts {
  readonly segments: readonly OpenedPorts[];
  /** How long the door stays open, in seconds. Undefined: until it is closed by hand. */
  readonly seconds: number | undefined;
  readonly prefix6: number;
}

/** What the kernel says about the user's own sets. */
export interface UserSets {
  readonly isInterval4: boolean;
  readonly isInterval6: boolean;
}

export function isBuiltIn(door: Door): door is BuiltInDoor {
  return door.opening !== undefined;
}

/** Does the kernel have anything to open or to close? */
export function isNeeded(doors: readonly Door[], { mode, closed }: FirewallOptions): boolean {
  return doors.some(isBuiltIn) || (mode.kind === "gate" && closed.length > 0);
}

export function layoutOf(all: readonly Door[], options: FirewallOptions, user?: UserSets): Layout {
  const doors = all.filter(isBuiltIn);
  const cuts = [...doors.flatMap(({ opening }) => opening.ports), ...options.closed];
  const guarded = segmentsOf(cuts, cuts);
  const prefixes = [...new Set([128, ...doors.map(({ opening }) => opening.prefix6)])].sort((a, b) => b - a);
  const byName = new Map<string, DoorPorts>();
  for (const { name, opening } of doors) {
    if ([...byName.keys()].some((other) => commentOf(other) === commentOf(name)))
      throw new FirewallError(`two doors with \`open\` are called "${name}"\nGive each its own name.`);
    const { seconds, prefix6, ports } = opening;
    byName.set(name, { segments: segmentsOf(ports, cuts), seconds, prefix6 });
  }
  const hasRanges = guarded.some(isRange);
  return {
    options,
    guarded,
    sets: user === undefined ? ownSets(prefixes, hasRanges) : userSets(options, user),
    hasUdp: guarded.some(({ protocol }) => protocol === "udp"),
    doors: byName,
  };
}

/** The elements that let this address in at the door, for `left` milliseconds. */
export function elementsFor(
  { sets, options }: Layout,
  { segments, prefix6 }: Pick<DoorPorts, "segments" | "prefix6">,
  address: Address,
  element: Pick<OpenElement, "comment" | "left" | "packets" | "bytes">,
): OpenElement[] {
  const family = isIpv4(address) ? 4 : 6;
  const isOwn = options.mode.kind !== "set";
  const prefix = family === 4 ? 128 : prefix6;
  const first = masked(address, prefix);
  return segments.flatMap((ports): OpenElement[] => {
    const { protocol, low, high } = ports;
    const fits = (set: OpenSet) =>
      set.family === family && (!isOwn || (set.prefix === prefix && set.isInterval === isRange(ports)));
    const set = sets.find(fits)!;
    if (set.isInterval) {
      const last = isOwn ? first : lastOf(first, prefix);
      return [
        { ...element, set, key: keyOf(family, first, protocol, low), keyEnd: keyOf(family, last, protocol, high) },
      ];
    }
    // The user's set has no ranges.
    return Array.from({ length: high - low + 1 }, (_, i) => ({
      ...element,
      set,
      key: keyOf(family, first, protocol, low + i),
      keyEnd: undefined,
    }));
  });
}

export function isRange({ low, high }: OpenedPorts): boolean {
  return low !== high;
}

export function lastOf(first: Address, prefix: number): Address {
  const { w0, w1, w2, w3 } = masked({ w0: -1, w1: -1, w2: -1, w3: -1 }, prefix);
  return { w0: first.w0 | ~w0, w1: first.w1 | ~w1, w2: first.w2 | ~w2, w3: first.w3 | ~w3 };
}

function ownSets(prefixes: readonly number[], hasRanges: boolean): OpenSet[] {
  const table = { tableFamily: INET, table: TABLE_NAME };
  const kinds = hasRanges
    ? ([
        ["open", false],
        ["ranges", true],
      ] as const)
    : ([["open", false]] as const);
  return kinds.flatMap(([name, isInterval]) => [
    { ...table, set: `${name}4`, family: 4, isInterval, prefix: 128 } as const,
    ...prefixes.map(
      (prefix) =>
        ({
          ...table,
          set: prefix === 128 ? `${name}6` : `${name}6_${prefix}`,
          family: 6,
          isInterval,
          prefix,
        }) as const,
    ),
  ]);
}

function userSets({ mode }: FirewallOptions, { isInterval4, isInterval6 }: UserSets): OpenSet[] {
  if (mode.kind !== "set") return [];
  const table = { tableFamily: FAMILIES[mode.family]!, table: mode.table, prefix: 128 };
  return [
    { ...table, set: mode.set4, family: 4, isInterval: isInterval4 },
    { ...table, set: mode.set6, family: 6, isInterval: isInterval6 },
  ];
}

/**
 * Cuts ranges wherever a range of `cuts` begins or ends. So no two segments overlap, and each range consists of whole
 * segments. The kernel refuses overlapping ranges in one set.
 */
function segmentsOf(ranges: readonly OpenedPorts[], cuts: readonly OpenedPorts[]): OpenedPorts[] {
  return (["tcp", "udp"] as const).flatMap((protocol) => {
    const starts = new Set<number>();
    for (const cut of cuts) {
      if (cut.protocol !== protocol) continue;
      starts.add(cut.low).add(cut.high + 1);
    }
    const ordered = [...starts].sort((a, b) => a - b);
    const own = ranges.filter((range) => range.protocol === protocol);
    return ordered.slice(0, -1).flatMap((low, i) => {
      const high = ordered[i + 1]! - 1;
      return own.some((range) => range.low <= low && high <= range.high) ? [{ protocol, low, high }] : [];
    });
  });
}

/** Do both layouts keep open elements in the same sets? */
export function isSameKernel(a: Layout, b: Layout): boolean {
  const [one, other] = [a.options.mode, b.options.mode];
  return one.kind === "set" || other.kind === "set" ? JSON.stringify(one) === JSON.stringify(other) : true;
}

/** The parts of a table that only a new table can change: its sets and its rules. */
export function shapeOf({ options, sets, hasUdp }: Layout): string {
  const { mode, reply, allow } = options;
  return JSON.stringify([mode, reply, allow, hasUdp, sets.map(({ set }) => set)]);
}
