// The daemon's log: pino decides what is worth saying by its level, this table where a level's lines go.

import pino from "pino";
import type { Settings } from "../config/settings.ts";
import { RecentWarnings } from "./recent-warnings.ts";
import { FileSink, type Sink, streamSink, syslogSink } from "./sinks.ts";

export interface LogOptions {
  readonly debug: boolean;
  readonly verbose: boolean;
}

/**
 * debug: standard output with -D. say: standard output with -v. info, the events: both logs, and standard output
 * with -v. note: both logs only. warn and error: both logs and standard error.
 */
export type Log = pino.Logger<"say" | "note">;

const LEVELS = { debug: 20, say: 25, info: 30, note: 35, warn: 40, error: 50 };

/** `logSeconds`: false where it is left out. */
export type LogSettings = Pick<Settings, "useSyslog" | "logFile" | "logFormat"> & Partial<Pick<Settings, "logSeconds">>;

export class Logger {
  readonly log: Log;
  readonly recent = new RecentWarnings();
  readonly #options: LogOptions;
  readonly #out: Sink;
  readonly #err: Sink;
  #journals: Sink[] = [];
  /** The log file, when what it wants is pino's JSON. */
  #jsonFile: Sink | undefined;
  #muted = false;
  #tellsEvents = false;
  #file: FileSink | undefined;

  constructor(options: LogOptions, out = streamSink(process.stdout), err = streamSink(process.stderr)) {
    this.#options = options;
    this.#out = out;
    this.#err = err;
    const logger = this;
    // With this mark pino hands over the message beside its JSON, which only a log file may want.
    const destination = {
      [Symbol.for("pino.metadata")]: true,
      lastLevel: 0,
      lastMsg: "",
      write(json: string) {
        logger.#route(this.lastLevel, this.lastMsg, json);
      },
    };
    this.log = pino(
      { base: null, timestamp: pino.stdTimeFunctions.isoTime, customLevels: { say: LEVELS.say, note: LEVELS.note } },
      destination,
    );
    this.#settleLevel();
  }

  /** The logs that a config asks for, from now on. A log file of the same name is opened anew. */
  configure({ useSyslog, logFile, logFormat, logSeconds }: LogSettings): void {
    const old = this.#file;
    if (old !== undefined) this.log.say(`closing log file: ${old.path}`);
    old?.close();
    this.#journals = useSyslog ? [syslogSink] : [];
    this.#jsonFile = undefined;
    this.#settleLevel();
    if (old !== undefined && logFile !== undefined) this.log.info(`re-opening log file: ${logFile}`);
    const isJson = logFormat === "json";
    this.#file =
      logFile === undefined
        ? undefined
        : new FileSink(logFile, (why) => this.log.warn(why), isJson ? "none" : logSeconds ? "second" : "minute");
    if (isJson) this.#jsonFile = this.#file;
    else if (this.#file !== undefined) this.#journals.push(this.#file);
    this.#settleLevel();
  }

  /** Nothing more to standard output and standard error: the terminal belongs to somebody else now. */
  mute(): void {
    this.#muted = true;
  }

  /** Everything said so far is written. */
  flush(): void {
    for (const sink of this.#journals) sink.flush();
    this.#jsonFile?.flush();
  }

  /**
   * The line of an event, at level info, and what JSON has beside it. Past pino where nobody reads that: it takes longer than
   * all else of the line.
   */
  event(line: string, fields: () => object): void {
    if (!this.#tellsEvents) return;
    if (this.#jsonFile === undefined) this.#route(LEVELS.info, line, "");
    else this.log.info(fields(), line);
  }

  /** Does anybody hear of events? Else their text need not be made. */
  get tellsEvents(): boolean {
    return this.#tellsEvents;
  }

  get #hasJournals(): boolean {
    return this.#journals.length > 0 || this.#jsonFile !== undefined;
  }

  #settleLevel(): void {
    const { debug, verbose } = this.#options;
    this.log.level = debug ? "debug" : verbose ? "say" : this.#hasJournals ? "info" : "warn";
    this.#tellsEvents = this.log.isLevelEnabled("info");
  }

  #route(level: number, line: string, json: string): void {
    const { verbose } = this.#options;
    if (level >= LEVELS.warn) this.recent.add(line);
    if (level >= LEVELS.info) {
      for (const sink of this.#journals) sink.write(line);
      this.#jsonFile?.write(json.trimEnd());
    }
    if (this.#muted) return;
    if (level >= LEVELS.warn) this.#err.write(line);
    else if (level === LEVELS.debug || (verbose && level !== LEVELS.note)) this.#out.write(line);
  }
}
