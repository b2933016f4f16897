// What is asked for: the plain value between knockctl's command line and make-report.ts.

export const FORMATS = ["table", "markdown", "csv", "json", "html"] as const;
export type Format = (typeof FORMATS)[number];

export const SOURCES = ["auto", "journal", "files"] as const;

export interface ReportOptions {
  /** Files, or `-` for standard input; none: what this machine has. */
  readonly logs: readonly string[];
  /** Where none is named: the journal, or syslogd's files, or the journal where there is one. */
  readonly from: (typeof SOURCES)[number];
  /** Seconds since 1970; `until` is the first moment that does not count. */
  readonly since: number | undefined;
  readonly until: number | undefined;
  /** Texts that a rule's prefix contains: only those count, and those do not. */
  readonly prefixes: readonly string[];
  readonly notPrefixes: readonly string[];
  /** Programs that log packets, too, beside the kernel. */
  readonly tags: readonly string[];
  readonly format: Format;
  /** Databases of one's own. */
  readonly geo: readonly string[];
}

/** Why there is none, for the user. */
export class NoReport extends Error {}
