// The time at the beginning of a log's line, in each of the forms that syslog, the journal and knockd's log file have. Read
// character by character, and the day's or hour's part once for all lines of it: there may be ten million.

const DAY_S = 86_400;
const MONTHS = "JanFebMarAprMayJunJulAugSepOctNovDec";
/** What is older has a wrong clock, and would make a timeline of decades. */
const EARLIEST = Date.UTC(2000, 0, 1) / 1000;
/** From 29 February back to the one before, over a century's end. */
const YEARS_BACK = 8;

export class Stamp {
  /** Of the stamp that was read last: seconds since 1970. */
  time = 0;
  readonly #reference: number;
  #hour = -1;
  #hourBegins = Number.NaN;
  #day = -1;
  #dayBegins = Number.NaN;

  /** `reference`: when the log was last written. A stamp without a year is of the last year that is not after it. */
  constructor(reference: number) {
    this.#reference = reference;
  }

  /** Where the line goes on behind the stamp and one blank; -1 when it does not begin with a stamp that can be right. */
  read(line: string): number {
    const first = line.charCodeAt(0);
    let end: number;
    if (first === 0x5b) end = this.#readLogFile(line);
    else if (first >= 0x41) end = this.#readTraditional(line);
    else end = line.charCodeAt(4) === 0x2d ? this.#readIso(line) : this.#readUnix(line);
    return this.time >= EARLIEST && this.time <= this.#reference + DAY_S ? end : -1;
  }

  /** `Nov 24 12:20:18 `, local: syslog's of old, and `journalctl -o short`; also with a fraction of the second. */
  #readTraditional(line: string): number {
    this.time = Number.NaN;
    const month = MONTHS.indexOf(line.slice(0, 3)) / 3;
    const day = digits(line, line.charCodeAt(4) === 0x20 ? 5 : 4, line.charCodeAt(4) === 0x20 ? 1 : 2);
    const hour = digits(line, 7, 2);
    const key = (month * 32 + day) * 24 + hour;
    if (!(key >= 0 && Number.isInteger(month) && hour < 24)) return -1;
    if (key !== this.#hour) {
      this.#hour = key;
      this.#hourBegins = this.#lastYearsHour(month, day, hour);
    }
    this.time = this.#hourBegins + minutesAndSeconds(line, 10);
    return behind(line, fractionEnd(line, 15));
  }

  #lastYearsHour(month: number, day: number, hour: number): number {
    const latest = new Date((this.#reference + DAY_S) * 1000);
    for (let year = latest.getFullYear(), tries = 0; tries <= YEARS_BACK; year--, tries++) {
      const date = new Date(year, month, day, hour);
      if (date.getMonth() === month && date.getDate() === day && date <= latest) return date.getTime() / 1000;
    }
    return Number.NaN;
  }

  /** `2026-11-24T12:20:18.845+00:00 `: rsyslog's and `short-iso`; the zone also as +0000 or Z, the fraction also with a comma. */
  #readIso(line: string): number {
    this.time = Number.NaN;
    const between = line.charCodeAt(10);
    if (line.charCodeAt(7) !== 0x2d || (between !== 0x54 && between !== 0x20)) return -1;
    const day = this.#dayOf(digits(line, 0, 4), digits(line, 5, 2), digits(line, 8, 2));
    const hour = digits(line, 11, 2);
    if (hour < 0 || hour > 23) return -1;
    let at = fractionEnd(line, 19);
    let ahead = 0;
    const sign = line.charCodeAt(at);
    if (sign === 0x5a) at++;
    else if (sign === 0x2b || sign === 0x2d) {
      const colon = line.charCodeAt(at + 3) === 0x3a ? 1 : 0;
      ahead = digits(line, at + 1, 2) * 3600 + digits(line, at + 3 + colon, 2) * 60;
      if (sign === 0x2d) ahead = -ahead;
      at += 5 + colon;
    } else return -1;
    this.time = day + hour * 3600 + minutesAndSeconds(line, 14) - ahead;
    return behind(line, at);
  }

  #dayOf(year: number, month: number, day: number): number {
    const key = (year * 16 + month) * 32 + day;
    if (key !== this.#day) {
      const date = new Date(Date.UTC(year, month - 1, day));
      this.#day = key;
      const isOne = date.getUTCMonth() === month - 1 && date.getUTCDate() === day;
      this.#dayBegins = isOne ? date.getTime() / 1000 : Number.NaN;
    }
    return this.#dayBegins;
  }

  /** `1764000000.123456 `: `journalctl -o short-unix`. */
  #readUnix(line: string): number {
    this.time = digits(line, 0, 10);
    return behind(line, fractionEnd(line, 10));
  }

  /** `[2016-07-06 19:46] `, local: knockd's LogFile. */
  #readLogFile(line: string): number {
    this.time = Number.NaN;
    const [year, month, day] = [digits(line, 1, 4), digits(line, 6, 2), digits(line, 9, 2)];
    const [hour, minute] = [digits(line, 12, 2), digits(line, 15, 2)];
    if (year < 0 || month < 1 || month > 12 || day < 1 || hour < 0 || minute < 0) return -1;
    this.time = new Date(year, month - 1, day, hour, minute).getTime() / 1000;
    return line.charCodeAt(17) === 0x5d ? behind(line, 18) : -1;
  }
}

/** A number of so many digits; -1 when it is none. */
function digits(line: string, at: number, count: number): number {
  let value = 0;
  for (let i = at; i < at + count; i++) {
    const digit = line.charCodeAt(i) - 0x30;
    if (!(digit >= 0 && digit <= 9)) return -1;
    value = value * 10 + digit;
  }
  return value;
}

/** `20:18`, as seconds; NaN when it is none. A leap second is the next minute's first. */
function minutesAndSeconds(line: string, at: number): number {
  const minutes = digits(line, at, 2);
  const seconds = digits(line, at + 3, 2);
  const isRight = minutes >= 0 && minutes < 60 && seconds >= 0 && seconds <= 60 && line.charCodeAt(at + 2) === 0x3a;
  return isRight ? minutes * 60 + seconds : Number.NaN;
}

/** Past `.845` or `,845`, if there is one. */
function fractionEnd(line: string, at: number): number {
  const point = line.charCodeAt(at);
  if (point !== 0x2e && point !== 0x2c) return at;
  let end = at + 1;
  while (digits(line, end, 1) >= 0) end++;
  return end;
}

/** Past the blank that has to be there. */
function behind(line: string, at: number): number {
  return line.charCodeAt(at) === 0x20 ? at + 1 : -1;
}
