// Attempts by hour and by day, in the time zone of this machine.

import type { TimeRow } from "../report.ts";

/** In every time zone, an hour begins at a multiple of a quarter of an hour. */
export const QUARTER_S = 900;
const HOUR_S = 3600;
/** The maximum: the hours of a month, and the days of three years. */
const [MAX_HOURS, MAX_DAYS] = [744, 1100] as const;

/** Attempts by quarter of an hour. The key counts the quarters since 1970. */
export type Quarters = ReadonlyMap<number, number>;

/** In order of time, including hours without attempts. Only the newest, if there are too many. */
export const hours = (quarters: Quarters): TimeRow[] => rows(quarters, MAX_HOURS, 4, hourOf);
export const days = (quarters: Quarters): TimeRow[] => rows(quarters, MAX_DAYS, 100, dayOf);

/** One sentence for each list that is cut. */
export function leftOutOfTimeline(quarters: Quarters): string[] {
  const [first, last] = ends(quarters);
  const seconds = (last - first) * QUARTER_S;
  return [
    ...(seconds > (MAX_HOURS - 1) * HOUR_S
      ? [`Attempts per hour are listed for the last ${MAX_HOURS} hours only.`]
      : []),
    ...(seconds > (MAX_DAYS - 1) * 24 * HOUR_S
      ? [`Attempts per day are listed for the last ${MAX_DAYS} days only.`]
      : []),
  ];
}

/**
 * Goes quarter by quarter, so that a change to summer time does no harm. `longest`: the maximum of quarters in an hour
 * or day.
 */
function rows(quarters: Quarters, most: number, longest: number, begin: (at: number) => number): TimeRow[] {
  const [first, last] = ends(quarters);
  const list: { at: number; attempts: number }[] = [];
  for (let quarter = Math.max(first, last - most * longest); quarter <= last; quarter++) {
    const at = begin(quarter * QUARTER_S);
    if (list.at(-1)?.at !== at) list.push({ at, attempts: 0 });
    list.at(-1)!.attempts += quarters.get(quarter) ?? 0;
  }
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

/** Uses the UTC offset of that moment: the same hour may occur twice. */
function hourOf(at: number): number {
  const ahead = -new Date(at * 1000).getTimezoneOffset() * 60;
  return Math.floor((at + ahead) / HOUR_S) * HOUR_S - ahead;
}

function dayOf(at: number): number {
  return new Date(at * 1000).setHours(0, 0, 0, 0) / 1000;
}
