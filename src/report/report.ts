// The report as a plain value. read/ and count/ make it. render/ shows it as a table, Markdown, CSV, JSON or an HTML
// page. Every list is sorted, the most attempts first. Times are seconds since 1970.

/** One protocol and port, such as `tcp` and 22. ICMP and others have port 0. */
export interface PortRow {
  readonly protocol: string;
  readonly port: number;
  /** IANA's name of the service. Empty if it has none. */
  readonly service: string;
  readonly attempts: number;
  readonly sources: number;
}

export interface CountryRow {
  /** ISO 3166-1 alpha-2. Empty if it is unknown. */
  readonly code: string;
  /** The English name. */
  readonly name: string;
  readonly attempts: number;
  readonly sources: number;
}

/** An autonomous system if a database has them, otherwise the source's /24 or /48. */
export interface NetworkRow {
  readonly network: string;
  readonly attempts: number;
  readonly sources: number;
}

/** Only with a city database. */
export interface PlaceRow {
  readonly name: string;
  readonly latitude: number;
  readonly longitude: number;
  readonly attempts: number;
}

export interface SourceRow {
  readonly address: string;
  /** As in CountryRow. */
  readonly country: string;
  readonly network: string;
  readonly attempts: number;
  readonly ports: number;
  readonly first: number;
  readonly last: number;
}

/** The attempts of an hour or day in this machine's time zone. The list is in order of time and has no gaps. */
export interface TimeRow {
  readonly at: number;
  readonly attempts: number;
}

/** A set of ports that sources tried together. Each is written as `tcp/22`, in sorted order. */
export interface PortSetRow {
  readonly ports: readonly string[];
  readonly sources: number;
}

/** Knocks at a door, from knockd's own lines. */
export interface DoorRow {
  readonly door: string;
  readonly begun: number;
  readonly opened: number;
  readonly failed: number;
}

/** The number of lines left out for one reason. */
export interface LineRow {
  readonly reason: string;
  readonly lines: number;
}

export interface Report {
  /** The times of the first and last line that counted. Undefined if none did. */
  readonly since: number | undefined;
  readonly until: number | undefined;
  /** The time of the report. */
  readonly at: number;
  /** The host name in the log. Empty if lines have none. */
  readonly host: string;
  readonly attempts: number;
  /** Attempts that a rule rejected, according to its prefix. For the others, the log does not say what happened. */
  readonly rejected: number;
  readonly sources: number;
  /** The number of lines read: attempts plus `linesLeftOut`. */
  readonly lines: number;
  readonly linesLeftOut: readonly LineRow[];
  /** Sentences about what the report leaves out, for example rows of a list that is too long. */
  readonly leftOut: readonly string[];
  readonly ports: readonly PortRow[];
  readonly countries: readonly CountryRow[];
  readonly networks: readonly NetworkRow[];
  readonly places: readonly PlaceRow[];
  readonly top: readonly SourceRow[];
  readonly hours: readonly TimeRow[];
  readonly days: readonly TimeRow[];
  readonly together: readonly PortSetRow[];
  readonly doors: readonly DoorRow[];
  /** The databases and outlines used, with the licence that the page must name. */
  readonly sourcesOfData: readonly { readonly name: string; readonly licence: string; readonly link: string }[];
}
