// Parses the times of --since and --until.

const UNITS: Readonly<Record<string, number>> = { second: 1, minute: 60, hour: 3600 };
const SHORT: Readonly<Record<string, string>> = {
  s: "second",
  sec: "second",
  min: "minute",
  h: "hour",
  d: "day",
  w: "week",
};

export const FORMS = "2026-11-24, '2026-11-24 12:20', 2026-11-24T12:20:18Z, '2 days ago', today, yesterday, now";

/** Seconds since 1970. Undefined if it is invalid. `now` in milliseconds. A time without a zone is local. */
export function parseTime(text: string, now: number): number | undefined {
  const word = text.trim().toLowerCase();
  const midnight = new Date(now).setHours(0, 0, 0, 0);
  if (word === "now") return now / 1000;
  if (word === "today") return midnight / 1000;
  if (word === "yesterday") return daysBefore(midnight, 1);
  const ago = /^(\d{1,6})\s*([a-z]+?)s? ago$/.exec(word);
  if (ago !== null) return before(now, Number(ago[1]), SHORT[ago[2]!] ?? ago[2]!);
  const iso = /^(\d{4})-(\d\d)-(\d\d)(?:[t ](\d\d):(\d\d)(?::(\d\d))?)?\s*(z|[+-]\d\d:?\d\d)?$/.exec(word);
  return iso === null ? undefined : dated(iso);
}

/** A day ago is the same time of day, even if the clock has changed to or from summer time since. */
function before(now: number, count: number, unit: string): number | undefined {
  if (unit === "day") return daysBefore(now, count);
  if (unit === "week") return daysBefore(now, 7 * count);
  if (unit === "month") {
    const date = new Date(now);
    return date.setMonth(date.getMonth() - count) / 1000;
  }
  return Object.hasOwn(UNITS, unit) ? now / 1000 - count * UNITS[unit]! : undefined;
}

function daysBefore(now: number, count: number): number {
  const date = new Date(now);
  return date.setDate(date.getDate() - count) / 1000;
}

function dated(parts: RegExpExecArray): number | undefined {
  const [year, month, day, hour, minute, second] = parts.slice(1, 7).map((part) => Number(part ?? 0)) as [
    number,
    number,
    number,
    number,
    number,
    number,
  ];
  const utc = new Date(Date.UTC(year, month - 1, day, hour, minute, second));
  const isRight =
    utc.getUTCMonth() === month - 1 && utc.getUTCDate() === day && hour < 24 && minute < 60 && second < 60;
  if (!isRight) return undefined;
  const zone = parts[7];
  if (zone === undefined) return new Date(year, month - 1, day, hour, minute, second).getTime() / 1000;
  if (zone === "z") return utc.getTime() / 1000;
  const digits = zone.replace(":", "");
  const ahead = Number(digits.slice(1, 3)) * 3600 + Number(digits.slice(3)) * 60;
  return utc.getTime() / 1000 + (digits.startsWith("-") ? ahead : -ahead);
}
