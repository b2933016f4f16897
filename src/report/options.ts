// The options of a report: the plain value between knockctl's command line and make-report.ts.

export const FORMATS = ["table", "markdown", "csv", "json", "html"] as const;
export type Format = (typeof FORMATS)[number];

export const SOURCES = ["auto", "journal", "files"] as const;

export interface ReportOptions {
  /** Files, or `-` for standard input. Empty: the logs of this machine. */
  readonly logs: readonly string[];
  /** Without files: the journal, syslogd's files, or (auto) the journal if there is one. */
  readonly from: (typeof SOURCES)[number];
  /** Seconds since 1970. `until` is the first moment that does not count. */
  readonly since: number | undefined;
  readonly until: number | undefined;
  /** Texts in the prefix of a rule: only these count, and these do not count. */
  readonly prefixes: readonly string[];
  readonly notPrefixes: readonly string[];
  /** Programs that log packets as the kernel does. */
  readonly tags: readonly string[];
  readonly format: Format;
  /** Every row of each table, in the terminal and in Markdown. */
  readonly all: boolean;
  /** The user's own databases. */
  readonly geo: readonly string[];
}

/** No report can be made. The message says why. */
export class NoReport extends Error {}
