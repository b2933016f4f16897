// The options of a report: a plain value that knockctl's command line passes to make-report.ts.

export const FORMATS = ["table", "markdown", "csv", "json", "html"] as const;
export type Format = (typeof FORMATS)[number];

export const SOURCES = ["auto", "journal", "files"] as const;

export interface ReportOptions {
  /** Files, or `-` for standard input. Empty: the logs of this machine. */
  readonly logs: readonly string[];
  /** Without files: the journal, syslogd's files, or (auto) the journal if there is one. */
  readonly from: (typeof SOURCES)[number];
  /** Seconds since 1970. `until` is the first moment that no longer counts. */
  readonly since: number | undefined;
  readonly until: number | undefined;
  /**
   * Texts that the prefix of a rule contains: only rules with the first ones count, and rules with the second ones do
   * not.
   */
  readonly prefixes: readonly string[];
  readonly notPrefixes: readonly string[];
  /** Programs that log packets as the kernel does. */
  readonly tags: readonly string[];
  readonly format: Format;
  /** Show every row of each table, in the terminal and in Markdown. */
  readonly all: boolean;
  /** The user's own databases of addresses. */
  readonly geo: readonly string[];
}

/** The report cannot be made. The message says why. */
export class NoReport extends Error {}
