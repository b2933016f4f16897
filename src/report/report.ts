// Who was at the door, counted: the plain value between what reads the logs and what shows it (table, Markdown, CSV, JSON, page).
// Every list is sorted, the most attempts first; times are seconds since 1970.

/** One protocol and port, as `tcp` 22; ICMP and others have port 0. */
export interface PortRow {
  readonly protocol: string;
  readonly port: number;
  /** IANA's name of the service; empty when it has none. */
  readonly service: string;
  readonly attempts: number;
  readonly sources: number;
}

export interface CountryRow {
  /** ISO 3166-1 alpha-2; empty when it is not known. */
  readonly code: string;
  /** In English. */
  readonly name: string;
  readonly attempts: number;
  readonly sources: number;
}

/** An autonomous system where a database has them; else the /24 or /48 of the source. */
export interface NetworkRow {
  readonly network: string;
  readonly attempts: number;
  readonly sources: number;
}

/** Only where a city database is given. */
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

/** Attempts in the hour or day that begins then, in this machine's time zone; those without any are in the list, in order of time. */
export interface TimeRow {
  readonly at: number;
  readonly attempts: number;
}

/** Ports that one source tried, together: `tcp/22`, in order. */
export interface TogetherRow {
  readonly ports: readonly string[];
  readonly sources: number;
}

/** By knockd's own lines. */
export interface DoorRow {
  readonly door: string;
  readonly begun: number;
  readonly opened: number;
  readonly failed: number;
}

/** Lines that were left out for one reason. */
export interface LineRow {
  readonly reason: string;
  readonly lines: number;
}

export interface Report {
  /** Of the first and last line that counted; undefined when none did. */
  readonly since: number | undefined;
  readonly until: number | undefined;
  /** When it was made. */
  readonly at: number;
  /** The host's name in the log; empty when lines had none. */
  readonly host: string;
  readonly attempts: number;
  /** Attempts that a rule rejected, by its prefix. Of the others the log does not say what became of them. */
  readonly rejected: number;
  readonly sources: number;
  /** That were read: as many as attempts and `linesLeftOut` together. */
  readonly lines: number;
  readonly linesLeftOut: readonly LineRow[];
  /** Longer than so many rows no list is; what was left out of any is told here, a sentence each. */
  readonly leftOut: readonly string[];
  readonly ports: readonly PortRow[];
  readonly countries: readonly CountryRow[];
  readonly networks: readonly NetworkRow[];
  readonly places: readonly PlaceRow[];
  readonly top: readonly SourceRow[];
  readonly hours: readonly TimeRow[];
  readonly days: readonly TimeRow[];
  readonly together: readonly TogetherRow[];
  readonly doors: readonly DoorRow[];
  /** Of each database or outline that was used: its name, and the licence that the page's foot must name. */
  readonly sourcesOfData: readonly { readonly name: string; readonly licence: string; readonly link: string }[];
}
