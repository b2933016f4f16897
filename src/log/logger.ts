// The daemon's log. pino filters by level; this class decides where the lines of each level go.

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
  /** The log file, if its format is JSON. */
  #jsonFile: Sink | undefined;
  #muted = false;
  #tellsEvents = false;
  #file: FileSink | undefined;

  constructor(options: LogOptions, out = streamSink(process.stdout), err = streamSink(process.stderr)) {
    this.#options = options;
    this.#out = out;
    this.#err = err;
    const logger = this;
    // With this mark pino also passes on the plain message. Only a log file may need the JSON.
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

  /** Switches to the logs of a config. Opens a log file of the same name again. */
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

  /** Stops writing to standard output and standard error, because the terminal now belongs to another program. */
  mute(): void {
    this.#muted = true;
  }

  /** Writes everything logged so far. */
  flush(): void {
    for (const sink of this.#journals) sink.flush();
    this.#jsonFile?.flush();
  }

  /**
   * Logs an event at level info; `fields` are for JSON. Without a JSON log this bypasses pino, which takes longer than the
   * rest of the line.
   */
  event(line: string, fields: () => object): void {
    if (!this.#tellsEvents) return;
    if (this.#jsonFile === undefined) this.#route(LEVELS.info, line, "");
    else this.log.info(fields(), line);
  }

  /** Does any log take events? If not, callers need not render them. */
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
