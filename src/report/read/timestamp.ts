// Parses the time at the beginning of a log line, in every form of syslogd, journalctl, dmesg and knockd's log file. Reads
// character by character and caches the day and the hour, because there may be ten million lines.

const DAY_S = 86_400;
const MONTHS = "JanFebMarAprMayJunJulAugSepOctNovDec";
const WEEKDAYS = "SunMonTueWedThuFriSat";
/** An older time comes from a wrong clock, and would make the timeline decades long. */
const EARLIEST = Date.UTC(2000, 0, 1) / 1000;
/** The longest time between two leap days, over the end of a century. */
const YEARS_BACK = 8;
/** Stands for the year of a timestamp that has none. */
const NO_YEAR = 0;

/** The time since the previous line in `dmesg -d` and `journalctl -o short-delta`. A star marks another boot. */
const DELTA = /^(?: <[ \d.]+\*?>)?$/;

/**
 * The kind of log that has this form. `line`: lines of many programs. `logfile`: knockd's log file. `dmesg`: lines of
 * the kernel. `boot`: seconds since the boot, as in dmesg and `journalctl -o short-monotonic`.
 */
export type Form = "line" | "logfile" | "dmesg" | "boot";

export class Timestamp {
  // The result for the last timestamp:
  /** Seconds since 1970. */
  time = 0;
  form: Form = "line";
  readonly #reference: number;
  readonly #boot: number;
  #hour = -1;
  #hourBegins = Number.NaN;
  #day = -1;
  #dayBegins = Number.NaN;

  /**
   * `reference`: when the log was last written. A timestamp without a year belongs to the last year in which it is not
   * later than that. `boot`: when this machine was booted. NaN if the log is older.
   */
  constructor(reference: number, boot = Number.NaN) {
    this.#reference = reference;
    this.#boot = boot;
  }

  /** Returns the offset after the timestamp and one blank. -1 if the line does not begin with a plausible timestamp. */
  read(line: string): number {
    this.time = Number.NaN;
    this.form = "line";
    const first = line.charCodeAt(0);
    let end: number;
    if (first === 0x5b) end = this.#readBracketed(line);
    else if (first >= 0x41) end = this.#readNamed(line);
    else end = line.charCodeAt(4) === 0x2d ? this.#readIso(line, 0) : this.#readUnix(line);
    return this.time >= EARLIEST && this.time <= this.#reference + DAY_S ? end : -1;
  }

  /**
   * Reads `[2016-07-06 19:46] ` of knockd's LogFile, which may have seconds, `[Tue Nov 24 12:20:18 2026] ` of
   * `dmesg -T`, or `[   12.345678] ` of dmesg.
   */
  #readBracketed(line: string): number {
    if (line.charCodeAt(5) === 0x2d) return this.#readLogFile(line);
    const end = line.indexOf("] ");
    if (end < 0) return -1;
    if (line.charCodeAt(1) >= 0x41) {
      this.form = "dmesg";
      const after = this.#readCtime(line, 1);
      return after > 0 && DELTA.test(line.slice(after, end)) ? end + 2 : -1;
    }
    this.form = "boot";
    const seconds = /^\[ *(\d{1,10}\.\d{6})/.exec(line.slice(0, end));
    if (seconds === null || !DELTA.test(line.slice(seconds[0].length, end))) return -1;
    this.time = this.#boot + Number(seconds[1]);
    return end + 2;
  }

  /** Reads a timestamp that begins with the name of a month or a weekday. */
  #readNamed(line: string): number {
    if (indexOfName(WEEKDAYS, line, 0) < 0) return behind(line, this.#readTraditional(line, 0));
    // `Tue 2026-11-24 12:20:18 CET ` comes from `journalctl -o short-full`, `Tue Nov 24 12:20:18 2026 ` from OpenWrt's
    // logread.
    return line.charCodeAt(8) === 0x2d ? this.#readIso(line, 4) : behind(line, this.#readCtime(line, 0));
  }

  /**
   * Reads the local time of traditional syslog and of `journalctl -o short`: `Nov 24 12:20:18`. It may have a year
   * (`Nov 24 2026 12:20:18`) or a fraction.
   */
  #readTraditional(line: string, at: number): number {
    if (isUnpadded(line, at)) return this.#readDate(line, at, NO_YEAR, at + 6);
    const hasYear = line.charCodeAt(at + 9) !== 0x3a;
    const year = hasYear ? digits(line, at + 7, 4) : NO_YEAR;
    return year < 0 ? -1 : this.#readDate(line, at, year, hasYear ? at + 12 : at + 7);
  }

  /** Reads the local time `Tue Nov 24 12:20:18 2026`. */
  #readCtime(line: string, at: number): number {
    if (indexOfName(WEEKDAYS, line, at) < 0) return -1;
    const year = digits(line, at + 20, 4);
    return year < 0 || this.#readDate(line, at + 4, year, at + 11) !== at + 19 ? -1 : at + 24;
  }

  /** Reads `Nov 24` at one offset and the time of day at another. Returns the offset after the time. */
  #readDate(line: string, at: number, year: number, timeAt: number): number {
    const month = indexOfName(MONTHS, line, at);
    const isShort = line.charCodeAt(at + 4) === 0x20;
    const day = digits(line, isShort ? at + 5 : at + 4, isShort || isUnpadded(line, at) ? 1 : 2);
    const hour = digits(line, timeAt, 2);
    if (month < 0 || day < 1 || hour < 0 || hour > 23) return -1;
    this.time = this.#localHour(year, month, day, hour) + minutesAndSeconds(line, timeAt + 3);
    return fractionEnd(line, timeAt + 8);
  }

  #localHour(year: number, month: number, day: number, hour: number): number {
    const key = ((year * 16 + month) * 32 + day) * 24 + hour;
    if (key !== this.#hour) {
      this.#hour = key;
      this.#hourBegins = year === NO_YEAR ? this.#lastYearsHour(month, day, hour) : hourOf(year, month, day, hour);
    }
    return this.#hourBegins;
  }

  #lastYearsHour(month: number, day: number, hour: number): number {
    const latest = this.#reference + DAY_S;
    for (let year = new Date(latest * 1000).getFullYear(), tries = 0; tries <= YEARS_BACK; year--, tries++) {
      const begin = hourOf(year, month, day, hour);
      if (begin <= latest) return begin;
    }
    return Number.NaN;
  }

  /**
   * Reads `2026-11-24T12:20:18.845+00:00 ` of rsyslog and `short-iso`. The zone may be +0000, Z or a name, or missing
   * local one; the fraction also with a comma, and a blank or (of svlogd) a _ in place of the T.
   */
  #readIso(line: string, begin: number): number {
    const between = line.charCodeAt(begin + 10);
    if (line.charCodeAt(begin + 7) !== 0x2d || (between !== 0x54 && between !== 0x20 && between !== 0x5f)) return -1;
    const [year, month, date] = [digits(line, begin, 4), digits(line, begin + 5, 2), digits(line, begin + 8, 2)];
    const hour = digits(line, begin + 11, 2);
    if (year < 0 || month < 1 || date < 1 || hour < 0 || hour > 23) return -1;
    const rest = minutesAndSeconds(line, begin + 14);
    let at = fractionEnd(line, begin + 19);
    const sign = line.charCodeAt(at);
    if (at === begin + 25 && sign === 0x20) {
      // Five digits of a second and no zone: svlogd's, which is UTC.
      this.time = this.#dayOf(year, month, date) + hour * 3600 + rest;
      return at + 1;
    }
    if (sign === 0x5a || sign === 0x2b || sign === 0x2d) {
      let ahead = 0;
      if (sign === 0x5a) at++;
      else {
        const colon = line.charCodeAt(at + 3) === 0x3a ? 1 : 0;
        ahead = digits(line, at + 1, 2) * 3600 + digits(line, at + 3 + colon, 2) * 60;
        if (sign === 0x2d) ahead = -ahead;
        // This is `dmesg --time-format=iso`: no other program writes a comma and microseconds.
        if (colon === 1 && at === begin + 26 && line.charCodeAt(begin + 19) === 0x2c) this.form = "dmesg";
        at += 5 + colon;
      }
      this.time = this.#dayOf(year, month, date) + hour * 3600 + rest - ahead;
      return behind(line, at);
    }
    // Only `short-full` has the name of a zone. It also begins with a weekday.
    const name = begin > 0 ? /^ ([A-Z]{1,5}|[+-]\d\d(?:\d\d)?)(?= )/.exec(line.slice(at, at + 8))?.[1] : undefined;
    if (name === "UTC" || name === "GMT") this.time = this.#dayOf(year, month, date) + hour * 3600 + rest;
    else this.time = this.#localHour(year, month - 1, date, hour) + rest;
    return behind(line, at + (name === undefined ? 0 : name.length + 1));
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

  /** Reads `1764000000.123456 ` of `journalctl -o short-unix`. */
  #readUnix(line: string): number {
    this.time = digits(line, 0, 10);
    return behind(line, fractionEnd(line, 10));
  }

  /** Reads the local time `[2016-07-06 19:46] ` of knockd's LogFile. */
  #readLogFile(line: string): number {
    this.form = "logfile";
    const [year, month, day] = [digits(line, 1, 4), digits(line, 6, 2), digits(line, 9, 2)];
    const [hour, minute] = [digits(line, 12, 2), digits(line, 15, 2)];
    if (year < 0 || month < 1 || month > 12 || day < 1 || hour < 0 || minute < 0) return -1;
    const isExact = line.charCodeAt(17) === 0x3a; // Log_Seconds
    const second = isExact ? digits(line, 18, 2) : 0;
    if (second < 0) return -1;
    this.time = new Date(year, month - 1, day, hour, minute, second).getTime() / 1000;
    const end = isExact ? 20 : 17;
    return line.charCodeAt(end) === 0x5d ? behind(line, end + 1) : -1;
  }
}

/** The index of a name of three letters in the list. -1 if it is not there. */
function indexOfName(names: string, line: string, at: number): number {
  const index = names.indexOf(line.slice(at, at + 3)) / 3;
  return Number.isInteger(index) && line.charCodeAt(at + 3) === 0x20 ? index : -1;
}

/** The beginning of an hour in this machine's time zone. NaN if the month has no such day. */
function hourOf(year: number, month: number, day: number, hour: number): number {
  const date = new Date(year, month, day, hour);
  return date.getMonth() === month && date.getDate() === day ? date.getTime() / 1000 : Number.NaN;
}

/** `Nov 4 11:20:18`, of some routers: the day has no blank or zero before it. */
function isUnpadded(line: string, at: number): boolean {
  return line.charCodeAt(at + 5) === 0x20 && line.charCodeAt(at + 4) !== 0x20;
}

/** A number with this many digits. -1 if there is none. */
function digits(line: string, at: number, count: number): number {
  let value = 0;
  for (let i = at; i < at + count; i++) {
    const digit = line.charCodeAt(i) - 0x30;
    if (!(digit >= 0 && digit <= 9)) return -1;
    value = value * 10 + digit;
  }
  return value;
}

/** Reads `20:18` as seconds. NaN if there is none. A leap second becomes the first second of the next minute. */
function minutesAndSeconds(line: string, at: number): number {
  const minutes = digits(line, at, 2);
  const seconds = digits(line, at + 3, 2);
  const isRight = minutes >= 0 && minutes < 60 && seconds >= 0 && seconds <= 60 && line.charCodeAt(at + 2) === 0x3a;
  return isRight ? minutes * 60 + seconds : Number.NaN;
}

/** The offset after `.845` or `,845`, if there is one. */
function fractionEnd(line: string, at: number): number {
  const point = line.charCodeAt(at);
  if (point !== 0x2e && point !== 0x2c) return at;
  let end = at + 1;
  while (digits(line, end, 1) >= 0) end++;
  return end;
}

/** The offset after the blank that must follow. */
function behind(line: string, at: number): number {
  return at >= 0 && line.charCodeAt(at) === 0x20 ? at + 1 : -1;
}
