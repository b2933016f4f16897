// Attempts differ by powers of ten. So there are few shades: each stands for many times the attempts of the one before,
// with round numbers as limits.

import { count } from "./words.ts";

const SHADES = 5;

export interface Shades {
  /** The smallest number of attempts for each shade. The first is 1. */
  readonly from: readonly number[];
  /** 0 for no attempts, otherwise 1 to `from.length`. */
  of(attempts: number): number;
  /** Such as `10 – 199` or `2,000 and more`. */
  label(shade: number): string;
}

export function shades(most: number): Shades {
  const from = [...new Set(Array.from({ length: SHADES }, (_, i) => round(most ** (i / SHADES))))];
  return {
    from,
    of: (attempts) => from.filter((edge) => attempts >= edge).length,
    label(shade) {
      const low = from[shade - 1]!;
      const next = from[shade];
      if (next === undefined) return most === low ? count(low) : `${count(low)} and more`;
      return next - 1 === low ? count(low) : `${count(low)} – ${count(next - 1)}`;
    },
  };
}

/** Rounds to 1, 2 or 5 times a power of ten: the nearest one by ratio. */
export function round(n: number): number {
  const power = 10 ** Math.floor(Math.log10(Math.max(n, 1)) + 1e-9);
  const [nearest] = [1, 2, 5, 10]
    .map((digit) => digit * power)
    .sort((a, b) => Math.abs(Math.log(a / n)) - Math.abs(Math.log(b / n)));
  return nearest!;
}
