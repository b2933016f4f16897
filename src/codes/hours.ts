// The hours in which a client may knock, in local time: `Mon-Fri 08:00-18:00`, `22:00-06:00`, `Sat,Sun`.

export interface Hours {
  /** The text in the file. */
  readonly text: string;
  /** By day of the week, Sunday first: may the client knock on this day, and in the night that begins on it? */
  readonly days: readonly boolean[];
  /** Minutes since midnight. If `until` is smaller than `since`, the time runs over midnight. */
  readonly since: number;
  readonly until: number;
}

const DAYS = ["sun", "mon", "tue", "wed", "thu", "fri", "sat"];
const DAY_MINUTES = 24 * 60;

/** Undefined if the text has another form. */
export function parseHours(text: string): Hours | undefined {
  const found = /^(?:([a-z,-]+))?(?:\s*\b(\d{1,2}):(\d\d)-(\d{1,2}):(\d\d))?$/i.exec(
    text.trim().replace(/\s*,\s*/g, ","),
  );
  if (found === null || text.trim() === "") return undefined;
  const [, dayText, ...times] = found;
  const days = dayText === undefined ? DAYS.map(() => true) : parseDays(dayText.toLowerCase());
  const [hour1, minute1, hour2, minute2] = times[0] === undefined ? [0, 0, 24, 0] : times.map(Number);
  const [since, until] = [hour1! * 60 + minute1!, hour2! * 60 + minute2!];
  if (days === undefined || minute1! > 59 || minute2! > 59 || since >= DAY_MINUTES || until > DAY_MINUTES)
    return undefined;
  return since === until ? undefined : { text, days, since, until };
}

export function isWithinHours({ days, since, until }: Hours, at: Date): boolean {
  const minute = at.getHours() * 60 + at.getMinutes();
  const today = at.getDay();
  if (since < until) return days[today]! && minute >= since && minute < until;
  return (days[today]! && minute >= since) || (days[(today + 6) % 7]! && minute < until);
}

function parseDays(text: string): boolean[] | undefined {
  const days = DAYS.map(() => false);
  for (const part of text.split(",")) {
    const [first, last = first, ...rest] = part.split("-").map((day) => DAYS.indexOf(day));
    if (first === undefined || first < 0 || last! < 0 || rest.length > 0) return undefined;
    for (let day = first; ; day = (day + 1) % 7) {
      days[day] = true;
      if (day === last) break;
    }
  }
  return days;
}
