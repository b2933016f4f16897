// Where lines go: the system's log, the log file, standard output and standard error.

import * as fs from "node:fs";
import { dirname } from "node:path";
import { performance } from "node:perf_hooks";
import type { Writable } from "node:stream";
import { native } from "../platform/native.ts";
import { systemErrorText } from "../platform/system-error.ts";
import { isPlaced, openUnlinked, whyUntrustedDirectory } from "../platform/trusted-file.ts";
import { plural } from "../terminal/plural.ts";

export interface Sink {
  /** One line, without its end. Never throws: a full disk must not close a door. */
  write(line: string): void;
  /** Everything written so far is out. */
  flush(): void;
}

/** Lines that wait for the system's log to come back. */
const MOST_WAITING = 1000;
/** A reader that is only busy has soon taken what its socket holds, some ten lines; one that is away is asked less often. */
const SHORTEST_PAUSE_MS = 4;
const LONGEST_PAUSE_MS = 250;

/**
 * The system's log. When it is away or its reader is slow, lines wait, each with its time; those beyond a thousand are
 * lost, and counted (0.8, by libc, hears no knock until a slow reader reads on).
 */
export class SyslogSink implements Sink {
  readonly #send: typeof native.syslog;
  readonly #waiting: { readonly line: string; readonly time: number }[] = [];
  #lost = 0;
  #timer: NodeJS.Timeout | undefined;
  #pauseMs = SHORTEST_PAUSE_MS;

  constructor(send: typeof native.syslog) {
    this.#send = send;
  }

  write(line: string): void {
    const time = Math.floor(Date.now() / 1000);
    if (this.#waiting.length === 0 && this.#send(line, time) === "sent") return;
    if (this.#waiting.length < MOST_WAITING) this.#waiting.push({ line, time });
    else this.#lost++;
    this.#awaitReader();
  }

  /** What it does not take now is given up when the daemon ends. */
  flush(): void {
    let sent = 0;
    for (const { line, time } of this.#waiting) {
      if (this.#send(line, time) !== "sent") break;
      sent++;
    }
    this.#waiting.splice(0, sent);
    this.#pauseMs = sent > 0 ? SHORTEST_PAUSE_MS : Math.min(2 * this.#pauseMs, LONGEST_PAUSE_MS);
    if (this.#waiting.length > 0 || this.#lost === 0) return;
    const lost = this.#lost;
    this.#lost = 0;
    this.write(`${plural(lost, "line")} lost`);
  }

  #awaitReader(): void {
    this.#timer ??= setTimeout(() => {
      this.#timer = undefined;
      this.flush();
      if (this.#waiting.length > 0) this.#awaitReader();
    }, this.#pauseMs).unref();
  }
}

export const syslogSink = new SyslogSink((line, time) => native.syslog(line, time));

/** What may wait for a reader that does not read. */
const MOST_UNREAD_BYTES = 1 << 20;

/**
 * Standard output or standard error. When its reader has gone, the lines go nowhere, and the daemon stays; when it has
 * fallen asleep, those beyond a megabyte are lost (0.8 hears no knock until it wakes up).
 */
export function streamSink(stream: Writable): Sink {
  stream.on("error", () => {});
  return {
    write(line) {
      if (stream.writableLength < MOST_UNREAD_BYTES) stream.write(`${line}\n`);
    },
    flush() {},
  };
}

/** Its group may read a new one, nobody else: it names the doors and who opens them. */
const MODE = 0o640;

/** Throws when another user has put something in its place. */
function openLog(path: string): number {
  const file = openUnlinked(path, fs.constants.O_WRONLY | fs.constants.O_CREAT | fs.constants.O_APPEND, MODE);
  try {
    const stat = fs.fstatSync(file);
    const directory = fs.statSync(dirname(path));
    if (!isPlaced(stat, directory)) throw new Error(`it belongs to another user (uid ${stat.uid})`);
    if (stat.isFile() && stat.nlink > 1 && whyUntrustedDirectory(directory) !== undefined) {
      throw new Error("it is a hard link that another user may have made");
    }
    return file;
  } catch (error) {
    fs.closeSync(file);
    throw error;
  }
}

/** A log file that can't be opened is tried again so often. */
const OPEN_AGAIN_MS = 1000;

/** Characters that are collected. */
const MOST_TOGETHER = 16_384;

/** How exactly a line says when it was written. `none`: it has a time of its own. */
export type StampUnit = "minute" | "second" | "none";

/**
 * `[2016-07-06 19:46] line`, or `[2016-07-06 19:46:03] line`, local time. Lines are collected and written at least once
 * per turn of the loop.
 * `trouble` is told, once until it works again, why the file can't be opened or written.
 */
export class FileSink implements Sink {
  readonly path: string;
  readonly #trouble: (why: string) => void;
  readonly #unit: StampUnit;
  #file: number | undefined;
  #openAt = Number.NEGATIVE_INFINITY;
  #closed = false;
  #waiting: string[] = [];
  #waitingLength = 0;
  #stamp = "";
  /** The minute or second that `#stamp` names, since 1970. */
  #stampedAt = -1;
  #troubled = false;
  /** The last line was cut off by a full disk: the next one begins on a line of its own. */
  #torn = false;

  constructor(path: string, trouble: (why: string) => void, unit: StampUnit = "minute") {
    this.path = path;
    this.#unit = unit;
    this.#trouble = trouble;
    this.#open();
  }

  write(line: string): void {
    if (this.#waiting.length === 0) queueMicrotask(() => this.flush());
    this.#waiting.push(line);
    this.#waitingLength += line.length;
    if (this.#waitingLength > MOST_TOGETHER) this.flush();
  }

  flush(): void {
    const lines = this.#waiting;
    if (lines.length === 0) return;
    this.#waiting = [];
    this.#waitingLength = 0;
    if (this.#closed) return;
    if (this.#file === undefined) this.#open();
    if (this.#file === undefined) return;
    const stamp = this.#unit === "none" ? "" : this.#now(this.#unit);
    // Joined at once: a string that grows with each line is a tree of pieces, and costs more than all else of the line.
    const text = `${stamp}${lines.join(`\n${stamp}`)}\n`;
    const bytes = Buffer.from(this.#torn ? `\n${text}` : text);
    let written = 0;
    try {
      while (written < bytes.length) written += fs.writeSync(this.#file, bytes, written);
      this.#troubled = false;
      this.#torn = false;
    } catch (error) {
      if (written > 0) this.#torn = true;
      this.#tell(`warning: cannot write logfile ${this.path}: ${systemErrorText(error)}`);
    }
  }

  close(): void {
    this.flush();
    if (this.#file !== undefined) fs.closeSync(this.#file);
    this.#file = undefined;
    this.#closed = true;
  }

  /** What was in the way may be gone a moment later: it is tried again with the lines that come. */
  #open(): void {
    const now = performance.now();
    if (now < this.#openAt) return;
    this.#openAt = now + OPEN_AGAIN_MS;
    try {
      this.#file = openLog(this.path);
    } catch (error) {
      this.#tell(`warning: cannot open logfile ${this.path}: ${systemErrorText(error)}`);
    }
  }

  #tell(why: string): void {
    if (!this.#troubled) this.#trouble(why);
    this.#troubled = true;
  }

  /** Made once per minute or second: 0.8 asks for the time zone at every packet, which costs it more than the line. */
  #now(unit: "minute" | "second"): string {
    const length = unit === "minute" ? 60_000 : 1000;
    const at = Math.floor(Date.now() / length);
    if (at !== this.#stampedAt) {
      this.#stampedAt = at;
      const now = new Date(at * length);
      const two = (n: number) => String(n).padStart(2, "0");
      const date = `${now.getFullYear()}-${two(now.getMonth() + 1)}-${two(now.getDate())}`;
      const time = `${two(now.getHours())}:${two(now.getMinutes())}`;
      this.#stamp = `[${date} ${time}${unit === "second" ? `:${two(now.getSeconds())}` : ""}] `;
    }
    return this.#stamp;
  }
}
