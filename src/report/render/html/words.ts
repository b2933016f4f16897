// Numbers and times on the page: in English, in this machine's time zone.

const numbers = new Intl.NumberFormat("en");
const dayNames = new Intl.DateTimeFormat("en-GB", { day: "numeric", month: "short" });
const dates = new Intl.DateTimeFormat("en-GB", { day: "numeric", month: "long", year: "numeric" });
const shortDates = new Intl.DateTimeFormat("en-GB", {
  weekday: "short",
  day: "numeric",
  month: "short",
  year: "numeric",
});
const clock = new Intl.DateTimeFormat("en-GB", { hour: "2-digit", minute: "2-digit", hourCycle: "h23" });

export const timeZone: string = new Intl.DateTimeFormat().resolvedOptions().timeZone;

export function count(n: number): string {
  return numbers.format(n);
}

/** Such as `1 attempt`, `2 attempts`, `3 countries`. */
export function counted(n: number, one: string, many: string = `${one}s`): string {
  return `${count(n)} ${n === 1 ? one : many}`;
}

export function share(part: number, whole: number): string {
  const percent = whole > 0 ? (100 * part) / whole : 0;
  if (percent > 0 && percent < 0.1) return "< 0.1 %";
  return `${percent.toFixed(1)} %`;
}

/** Such as `24 November 2026, 14:05`. */
export function moment(at: number): string {
  return `${dates.format(at * 1000)}, ${time(at)}`;
}

/** Such as `24 Nov`. */
export function day(at: number): string {
  return dayNames.format(at * 1000);
}

/** Such as `Tue, 24 Nov 2026`. */
export function date(at: number): string {
  return shortDates.format(at * 1000);
}

/** Such as `2026`. */
export function year(at: number): string {
  return `${new Date(at * 1000).getFullYear()}`;
}

/** Such as `14:05`. */
export function time(at: number): string {
  return clock.format(at * 1000);
}

/** The value of a `<time>` element's datetime attribute. */
export function machineTime(at: number): string {
  return `${new Date(at * 1000).toISOString().slice(0, 19)}Z`;
}
