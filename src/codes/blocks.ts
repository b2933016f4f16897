// Chooses the blocks of a new client: ports that nothing else here uses. They never change afterwards.

import { randomInt } from "node:crypto";
import { type ClientKind, DIGITS_BLOCK, KEY_BLOCK, KEY_KNOCKS } from "./derive.ts";

/** The lowest and highest first port. Below are the services that every scan tries, above are ephemeral ports. */
const DIGITS_RANGE = [1100, 29_900] as const;
const KEY_RANGE = [2048, 28_672] as const;
/** Up to here the ports have four digits, which are easier to type. */
const LAST_SHORT = 9900;
/**
 * The distance between two blocks of a client: enough that a scan in port order is recognised before it reaches the
 * next.
 */
const GAP = 200;
const MAX_TRIES = 1000;

/** Chromium and Firefox refuse to connect to these ports, so a web page could not knock there. */
const BLOCKED_BY_BROWSERS = new Set([
  ...[1719, 1720, 1723, 2049, 3659, 4045, 4190, 5060, 5061, 6000, 6566],
  ...[6665, 6666, 6667, 6668, 6669, 6679, 6697, 10080],
]);

export interface BlockRequest {
  readonly kind: ClientKind;
  /** The number of digits of a code. */
  readonly digits: number;
  /** Is the port unused: by other clients, sequences, listening sockets and outgoing connections? */
  readonly isFree: (port: number) => boolean;
  /** Does a service have this port by name? Scans try such ports first. */
  readonly isNamed: (port: number) => boolean;
}

/**
 * First ports, in random order, but neither ascending nor descending. Undefined if too few are free: no client of this
 * kind fits any more. A key still does, because it shares its blocks with the other keys of its door.
 */
export function chooseBlocks(request: BlockRequest, draw = randomInt): number[] | undefined {
  const { kind, digits } = request;
  if (kind === "key") {
    const isGood = (first: number) => every(first, KEY_BLOCK, (port) => !BLOCKED_BY_BROWSERS.has(port));
    const free = candidates(KEY_RANGE, KEY_BLOCK, request.isFree);
    return pick(free.filter(isGood), KEY_KNOCKS, 0, draw) ?? pick(free, KEY_KNOCKS, 0, draw);
  }
  const { isFree, isNamed } = request;
  const isUsable = (port: number) => isFree(port) && !isNamed(port) && !BLOCKED_BY_BROWSERS.has(port);
  const free = candidates(DIGITS_RANGE, DIGITS_BLOCK, isUsable);
  const short = free.filter((first) => first <= LAST_SHORT);
  return pick(short, digits / 2, GAP, draw) ?? pick(free, digits / 2, GAP, draw);
}

function candidates(
  [first, last]: readonly [number, number],
  size: number,
  isUsable: (port: number) => boolean,
): number[] {
  const all = Array.from({ length: (last - first) / size + 1 }, (_, i) => first + i * size);
  return all.filter((one) => every(one, size, isUsable));
}

function every(first: number, size: number, isUsable: (port: number) => boolean): boolean {
  for (let port = first; port < first + size; port++) if (!isUsable(port)) return false;
  return true;
}

function pick(
  from: readonly number[],
  count: number,
  gap: number,
  draw: (min: number, max: number) => number,
): number[] | undefined {
  for (let tries = 0; from.length >= count && tries < MAX_TRIES; tries++) {
    const left = [...from];
    const chosen: number[] = [];
    while (chosen.length < count && left.length > 0) {
      const [one] = left.splice(draw(0, left.length), 1);
      if (gap === 0 || chosen.every((other) => Math.abs(other - one!) >= DIGITS_BLOCK + gap)) chosen.push(one!);
    }
    if (chosen.length === count && !isOrdered(chosen)) return chosen;
  }
  return undefined;
}

function isOrdered(ports: readonly number[]): boolean {
  const steps = ports.slice(1).map((port, i) => Math.sign(port - ports[i]!));
  return new Set(steps).size === 1;
}
