// The destinations of log lines: the system's log, the log file, standard output and standard error.

import * as fs from "node:fs";
import { dirname } from "node:path";
import { performance } from "node:perf_hooks";
import type { Writable } from "node:stream";
import { native } from "../platform/native.ts";
import { systemErrorText } from "../platform/system-error.ts";
import { isPlaced, openUnlinked, whyHardLink } from "../platform/trusted-file.ts";
import { plural } from "../terminal/plural.ts";

export interface Sink {
  /** Writes one line; adds the line feed. Never throws: a full disk must not close a door. */
  write(line: string): void;
  /** Passes on everything written so far. */
  flush(): void;
}

/** How many lines wait while the system's log is away. */
const MAX_WAITING = 1000;
/** How soon to try again. A busy reader soon takes the ten lines in its socket; a missing one does not. */
const SHORTEST_PAUSE_MS = 4;
const LONGEST_PAUSE_MS = 250;

/**
 * The system's log. If it is away or slow, up to a thousand lines wait, each with its time. Further lines are lost and
 * counted. (0.8 receives no knock until a slow reader continues, because libc blocks.)
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
    if (this.#waiting.length < MAX_WAITING) this.#waiting.push({ line, time });
    else this.#lost++;
    this.#awaitReader();
  }

  /** Lines that the log does not take now are lost when the daemon ends. */
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

/** Bytes that may wait for a stalled reader. */
const MAX_UNREAD_BYTES = 1 << 20;

/**
 * Standard output or standard error. If the reader is gone, lines are dropped and the daemon stays. If the reader stalls,
 * lines beyond a megabyte are lost. (0.8 receives no knock until the reader continues.)
 */
export function streamSink(stream: Writable): Sink {
  stream.on("error", () => {});
  return {
    write(line) {
      if (stream.writableLength < MAX_UNREAD_BYTES) stream.write(`${line}\n`);
    },
    flush() {},
  };
}

/** The mode of a new log file. Others may not read it, because it names the doors and their clients. */
const MODE = 0o640;

/** Throws if another user has put a file in its place. */
function openLog(path: string): number {
  const file = openUnlinked(path, fs.constants.O_WRONLY | fs.constants.O_CREAT | fs.constants.O_APPEND, MODE);
  try {
    const stat = fs.fstatSync(file);
    const directory = fs.statSync(dirname(path));
    if (!isPlaced(stat, directory)) throw new Error(`it belongs to another user (uid ${stat.uid})`);
    const why = stat.isFile() ? whyHardLink(stat, directory) : undefined;
    if (why !== undefined) throw new Error(why);
    return file;
  } catch (error) {
    fs.closeSync(file);
    throw error;
  }
}

/** How often to try again to open a log file. */
const OPEN_AGAIN_MS = 1000;

/** How many characters to collect before writing. */
const MAX_TOGETHER = 16_384;

/** The precision of a line's time. `none`: the line contains its own time. */
export type StampUnit = "minute" | "second" | "none";

/**
 * `[2016-07-06 19:46] line`, or `[2016-07-06 19:46:03] line`, local time. Lines are collected and written at least once
 * per turn of the loop.
 * Calls `trouble` with the reason if the file cannot be opened or written, once until it works again.
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
  /** A full disk has cut off the last line. Begin the next one on a new line. */
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
    if (this.#waitingLength > MAX_TOGETHER) this.flush();
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
    // Join all lines at once. V8 stores a string that grows line by line as a tree, which costs more than the rest of a line.
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

  /** The obstacle may be gone soon, so try again with later lines. */
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

  /** Cached per minute or second. 0.8 looks up the time zone at every packet, which costs more than the line itself. */
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
