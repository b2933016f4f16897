// The reasons why a log line is not an attempt, as the report prints them.

/** In the order of the report. */
export const REASONS = {
  letIn: "packets that a rule let in, by its prefix",
  audited: "packets logged before a rule decided (AUDIT and LIMIT of ufw, TRACE)",
  twice: "packets that another rule has logged too",
  unwanted: "packets left out by --prefix or --not-prefix",
  loopback: "packets of this host to itself (lo)",
  sent: "packets that this host sent",
  answer: "packets that are no attempts: replies, errors, ends of connections",
  group: "multicasts and broadcasts",
  fragment: "fragments that do not show a port",
  cut: "packets whose line is cut off or garbled",
  repeated: "syslogd's notes that a line was repeated",
  elsewhen: "lines outside --since and --until",
  elsewhere: "lines that were counted from another file already",
  stranger: "lines of unknown programs that look like packets",
  foreign: "lines of firewalls other than Linux's, in formats that are not read",
  undated: "lines that look like packets, without a known time",
  knock: "knockd's lines of knocks, counted by door",
  knockd: "other lines of knockd",
  kernel: "other lines of the kernel",
  other: "lines of other programs",
  garbage: "lines that are cut off, garbled or in an unknown format",
  tooLong: "lines longer than 16 KiB",
} as const;

export type Reason = keyof typeof REASONS;
