// Attempts by the hour and by the day, of this machine's time zone.

import type { TimeRow } from "./report.ts";

/** No zone's hours begin elsewhere than at one of these. */
export const QUARTER_S = 900;
const HOUR_S = 3600;
/** The last month's hours, and three years' days. */
const [MOST_HOURS, MOST_DAYS] = [744, 1100] as const;

/** By number of the quarter of an hour since 1970. */
export type Quarters = ReadonlyMap<number, number>;

/** In order of time, with those in which nothing was; the newest, when they are too many. */
export function hours(quarters: Quarters): TimeRow[] {
  return rows(quarters, MOST_HOURS, hourOf, (at) => at + HOUR_S);
}

export function days(quarters: Quarters): TimeRow[] {
  return rows(quarters, MOST_DAYS, dayOf, (at) => {
    const date = new Date(at * 1000);
    return new Date(date.getFullYear(), date.getMonth(), date.getDate() + 1).getTime() / 1000;
  });
}

/** A sentence, where there are more than are listed. */
export function leftOutOfTimeline(quarters: Quarters): string[] {
  const [first, last] = ends(quarters);
  const isLonger = (last - first) * QUARTER_S > (MOST_HOURS - 1) * HOUR_S;
  return isLonger ? [`Attempts per hour are listed for the last ${MOST_HOURS} hours only.`] : [];
}

function rows(
  quarters: Quarters,
  most: number,
  begin: (at: number) => number,
  next: (at: number) => number,
): TimeRow[] {
  if (quarters.size === 0) return [];
  const attempts = new Map<number, number>();
  for (const [quarter, count] of quarters) {
    const at = begin(quarter * QUARTER_S);
    attempts.set(at, (attempts.get(at) ?? 0) + count);
  }
  const [first, last] = ends(quarters).map((quarter) => begin(quarter * QUARTER_S)) as [number, number];
  const list: TimeRow[] = [];
  // A garbled log's years are not walked through hour by hour.
  const from = Math.max(first, begin(last - most * (next(last) - last)));
  for (let at = from; at <= last; at = next(at)) list.push({ at, attempts: attempts.get(at) ?? 0 });
  return list.slice(-most);
}

function ends(quarters: Quarters): [number, number] {
  let [first, last] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
  for (const quarter of quarters.keys()) {
    if (quarter < first) first = quarter;
    if (quarter > last) last = quarter;
  }
  return [first, last];
}

function hourOf(at: number): number {
  return new Date(at * 1000).setMinutes(0, 0, 0) / 1000;
}

function dayOf(at: number): number {
  return new Date(at * 1000).setHours(0, 0, 0, 0) / 1000;
}
