// Formats durations and times for people.

import { plural } from "./plural.ts";

export { plural };

/** `25 s`, `3 min`, `2 h 5 min`, `4 days`: rounded for people. */
export function duration(seconds: number): string {
  const whole = Math.round(seconds);
  if (whole < 120) return `${whole} s`;
  const minutes = Math.round(whole / 60);
  if (minutes < 60) return `${minutes} min`;
  const hours = Math.floor(minutes / 60);
  if (hours < 48) return minutes % 60 === 0 ? `${hours} h` : `${hours} h ${minutes % 60} min`;
  return plural(Math.round(hours / 24), "day");
}

/** Local time: `2026-11-24 14:05:09`. A string is a time in the form of JSON. */
export function localTime(time: Date | string): string {
  const at = new Date(time);
  const two = (n: number) => String(n).padStart(2, "0");
  const date = [at.getFullYear(), two(at.getMonth() + 1), two(at.getDate())].join("-");
  return `${date} ${two(at.getHours())}:${two(at.getMinutes())}:${two(at.getSeconds())}`;
}
