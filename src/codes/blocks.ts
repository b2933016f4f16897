// Chooses the blocks of a new client, once and for all: the ports that nothing else here uses.

import { randomInt } from "node:crypto";
import { type ClientKind, DIGITS_BLOCK, KEY_BLOCK, KEY_KNOCKS } from "./derive.ts";

/** From and to, of first ports. Below are the services that every scan tries, above are ports of outgoing connections. */
const DIGITS_RANGE = [1100, 29_900] as const;
const KEY_RANGE = [2048, 28_672] as const;
/** Of ports with four digits, which a person types. */
const LAST_SHORT = 9900;
/** Between two blocks of a client, so that a scan in order, which meets these ports, is known for one before it is through. */
const GAP = 200;
const MAX_TRIES = 1000;

/** Chromium and Firefox refuse to connect to these: a page could not knock there. */
const BLOCKED_BY_BROWSERS = new Set([
  ...[1719, 1720, 1723, 2049, 3659, 4045, 4190, 5060, 5061, 6000, 6566],
  ...[6665, 6666, 6667, 6668, 6669, 6679, 6697, 10080],
]);

export interface BlockRequest {
  readonly kind: ClientKind;
  /** Of a code. */
  readonly digits: number;
  /** Is it used by no other client and no sequence, listened on by nobody, and no port of outgoing connections? */
  readonly isFree: (port: number) => boolean;
  /** Is it some service's by name, which a scan tries first? */
  readonly isNamed: (port: number) => boolean;
}

/**
 * First ports, in a random order that neither ascends nor descends. Undefined when there are not enough: no more clients of
 * this kind fit in, and a key, which shares its blocks with the other keys of its door, is the way out.
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
