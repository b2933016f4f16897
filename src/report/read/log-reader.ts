// Reads logs one after the other and counts their lines. Every line is an attempt, or left out for a reason.

import { count, LeftOut } from "../count/left-out.ts";
import type { Tally } from "../count/tally.ts";
import type { Reason } from "../left-out-reasons.ts";
import type { ReportOptions } from "../options.ts";
import { DuplicateLines } from "./duplicate-lines.ts";
import { JournalExport } from "./journal-export.ts";
import { KnockLine } from "./knock-line.ts";
import { Lines } from "./line-splitter.ts";
import { LogLine, NO_TAG, type Speaker } from "./log-line.ts";
import type { LineOrigin, Log } from "./log-sources.ts";
import { PacketLine, type Verdict } from "./packet-line.ts";
import { Prefixes } from "./prefixes.ts";

/** The choice of lines to count. */
export type Chosen = Pick<ReportOptions, "since" | "until" | "prefixes" | "notPrefixes" | "tags">;

/** rsyslog's text around a repeated line, and that of other syslogds. */
const REPEATED = /^(?:last )?message repeated \d+ times?\b/;

/**
 * Packets in formats that are not read: MikroTik's `8.8.8.8:5555->10.0.0.1:22`, JSON of ulogd and others, pf, Cisco
 * ASA.
 */
const FOREIGN = /[\d\]]:\d{1,5}->[\d[]|\bsrc_?ip"?[=:]|\bfilterlog\b|%ASA-\d-\d{6}/;

export class Reading {
  /** The number of lines read, of any kind. For the journal's export format, of entries. */
  lines = 0;
  attempts = 0;
  readonly leftOut = new LeftOut();
  readonly #tally: Tally;
  readonly #since: number;
  readonly #until: number;
  readonly #tags: ReadonlySet<string>;
  readonly #boot: number;
  readonly #onRead: (bytes: number, lines: number) => void;
  readonly #packet = new PacketLine();
  readonly #knock = new KnockLine();
  readonly #prefixes: Prefixes;
  readonly #twice = new DuplicateLines();
  #bytes = 0;
  #sinceBoot = 0;
  readonly #torn: string[] = [];

  /**
   * `boot`: when this machine was booted, in seconds since 1970. `onRead` gets the totals read so far from time to
   * time.
   */
  constructor(tally: Tally, chosen: Chosen, boot: number, onRead: (bytes: number, lines: number) => void) {
    this.#tally = tally;
    this.#since = chosen.since ?? Number.NEGATIVE_INFINITY;
    this.#until = chosen.until ?? Number.POSITIVE_INFINITY;
    this.#prefixes = new Prefixes(chosen);
    this.#tags = new Set(chosen.tags);
    this.#boot = boot;
    this.#onRead = onRead;
  }

  /** A log that ends early, such as a .gz that is still being written, is counted as far as it can be read. */
  async read(log: Log): Promise<void> {
    const line = new LogLine(log.written, log.written >= this.#boot ? this.#boot : Number.NaN, this.#tags);
    const lines = new Lines((text) => {
      const whole = text.charCodeAt(text.length - 1) === 0x0d ? text.slice(0, -1) : text; // a file from Windows
      this.#take(line.read(whole), line, log);
    });
    const entries = new JournalExport((entry) => this.#take(line.readEntry(entry), line, log));
    let reader: Lines | JournalExport | undefined;
    try {
      for await (const chunk of log.open((bytes) => (this.#bytes += bytes))) {
        reader ??= JournalExport.isOne(chunk) ? entries : lines;
        reader.write(chunk);
        this.#onRead(this.#bytes, this.lines);
      }
    } catch (error) {
      const { code, message, path } = error as NodeJS.ErrnoException;
      if (!code?.startsWith("Z_")) throw Object.assign(error as NodeJS.ErrnoException, { path: path ?? log.name });
      this.#torn.push(`${log.name} is torn: ${message}.`);
    }
    reader?.end();
    this.lines += lines.tooLong;
    this.leftOut.add("tooLong", lines.tooLong);
  }

  /** Attempts that a rule rejected, by its prefix. */
  get rejected(): number {
    return this.#prefixes.rejected;
  }

  /** What readers of the report should know, one sentence each. */
  get notes(): readonly string[] {
    const notes = [...this.#torn, ...this.leftOut.notes(this.#prefixes.unsaid())];
    if (this.#sinceBoot > 0)
      notes.push(
        `${count(this.#sinceBoot, "line")} had only the seconds since the boot: the report took this machine's last boot.`,
      );
    return notes;
  }

  #take(speaker: Speaker, line: LogLine, { lines }: Log): void {
    this.lines++;
    const reason = this.#count(speaker, line, lines);
    if (reason === undefined) this.attempts++;
    else if (reason === "stranger") this.leftOut.addStranger(line.tag === "" ? NO_TAG : line.tag);
    else this.leftOut.add(reason);
  }

  /** Counts an attempt, or returns the reason why the line is not one. */
  #count(speaker: Speaker, line: LogLine, lines: LineOrigin): Reason | undefined {
    const { time, message } = line;
    if (speaker === "garbage" || speaker === "other") return this.#whatElse(speaker, line);
    if (lines === "knockd" && speaker === "kernel") return "elsewhere";
    if (lines === "kernel" && speaker === "knockd") return "elsewhere";
    if (time < this.#since || time >= this.#until) return "elsewhen";
    if (line.isSinceBoot) this.#sinceBoot++;
    if (speaker === "knockd") {
      if (!this.#knock.read(message)) return "knockd";
      this.#tally.knock(this.#knock, time, line.host);
      return "knock";
    }
    if (REPEATED.test(message)) return "repeated";
    const verdict = this.#packet.read(message);
    const reason = reasonOf(verdict);
    if (verdict === "none" || verdict === "cut") return reason;
    const prefix = this.#prefixes.of(message, this.#packet.begin);
    if (reason !== undefined || prefix.reason !== undefined) return reason ?? prefix.reason;
    if (this.#twice.has(prefix, this.#packet, message, time)) return "twice";
    prefix.attempts++;
    this.#tally.packet(this.#packet, time, line.host);
    return undefined;
  }

  /** Counts a line that is neither the kernel's nor knockd's, and returns the reason. */
  #whatElse(speaker: "garbage" | "other", line: LogLine): Reason {
    const { message, time } = line;
    if (REPEATED.test(message)) return "repeated";
    const verdict = message.includes(" OUT=") ? this.#packet.read(message) : "none";
    if (verdict === "none" || verdict === "cut")
      return FOREIGN.test(message) || line.tag === "filterlog" ? "foreign" : speaker;
    return Number.isNaN(time) ? "undated" : "stranger";
  }
}

function reasonOf(verdict: Verdict): Reason | undefined {
  if (verdict === "attempt") return undefined;
  if (verdict === "none") return "kernel";
  return verdict;
}
