// Networks in the form of the kernel's interval sets: the first address, and the one after the last.

import type { Network } from "../net/network.ts";
import { putAddress } from "./element.ts";

/** `end` undefined: the interval ends with the last address of the family. */
export type Interval = readonly [start: Uint8Array, end: Uint8Array | undefined];

/** The intervals of the networks of one family, in order. Networks that overlap or touch become one interval. */
export function intervals(networks: readonly Network[], family: 4 | 6): Interval[] {
  const bits = family === 4 ? 32 : 128;
  const ranges = networks
    .map(({ address, prefix }) => {
      const key = new Uint8Array(bits / 8);
      putAddress(key, 0, family, address);
      const start = BigInt(`0x${Buffer.from(key).toString("hex")}`);
      return { start, end: start + (1n << BigInt(bits - prefix)) };
    })
    .sort((a, b) => (a.start < b.start ? -1 : 1));
  const merged: { start: bigint; end: bigint }[] = [];
  for (const range of ranges) {
    const last = merged.at(-1);
    if (last === undefined || range.start > last.end) merged.push(range);
    else if (range.end > last.end) last.end = range.end;
  }
  const bytes = (value: bigint) => Uint8Array.from(Buffer.from(value.toString(16).padStart(bits / 4, "0"), "hex"));
  return merged.map(({ start, end }) => [bytes(start), end === 1n << BigInt(bits) ? undefined : bytes(end)]);
}
