// Attempts differ by powers of ten: few shades, each many times as much as the one before, with round numbers between them.

import { count } from "./words.ts";

const SHADES = 5;

export interface Shades {
  /** From so many attempts on; the first is 1. */
  readonly from: readonly number[];
  /** 0 for none, then 1 to `from.length`. */
  of(attempts: number): number;
  /** `10 – 199`, `2,000 and more`. */
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

/** To the 1, 2 or 5 of a power of ten that is nearest by ratio. */
export function round(n: number): number {
  const power = 10 ** Math.floor(Math.log10(Math.max(n, 1)) + 1e-9);
  const [nearest] = [1, 2, 5, 10]
    .map((digit) => digit * power)
    .sort((a, b) => Math.abs(Math.log(a / n)) - Math.abs(Math.log(b / n)));
  return nearest!;
}
