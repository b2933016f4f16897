// A report in which everything that strangers can influence is hostile.
import type { Report } from "../../src/report/report.ts";

/**
 * Text that moves a cursor, ends a cell, a row or a table, opens an element, is a formula, or reverses the direction of
 * writing.
 */
export const EVIL = '=1+1|"<b onload=x>&`_*\x1b[2J\x9b2J\r\n\u202e\u2028, [x](y)\\';
const AT = new Date(2026, 10, 24, 12).getTime() / 1000;

export const evil: Report = {
  since: AT,
  until: AT + 60,
  at: AT + 120,
  host: EVIL,
  attempts: 3,
  rejected: 3,
  sources: 1,
  ports: [{ protocol: "tcp", port: 22, service: EVIL, attempts: 3, sources: 1 }],
  countries: [{ code: "", name: EVIL, attempts: 3, sources: 1 }],
  networks: [{ network: EVIL, attempts: 3, sources: 1 }],
  places: [{ name: EVIL, latitude: -33.8, longitude: 151.2, attempts: 3 }],
  top: [{ address: "192.0.2.1", country: "", network: EVIL, attempts: 3, ports: 1, first: AT, last: AT + 60 }],
  hours: [{ at: AT, attempts: 3 }],
  days: [{ at: AT, attempts: 3 }],
  together: [{ ports: [EVIL, EVIL], sources: 1 }],
  doors: [{ door: EVIL, begun: 1, opened: 0, failed: 1 }],
  lines: 10,
  linesLeftOut: [{ reason: "lines of other programs", lines: 7 }],
  leftOut: [EVIL],
  sourcesOfData: [{ name: EVIL, licence: EVIL, link: "https://example.org/" }],
};

/** The same report, but empty. */
export const empty: Report = {
  ...evil,
  since: undefined,
  until: undefined,
  host: "",
  attempts: 0,
  rejected: 0,
  sources: 0,
  ports: [],
  countries: [],
  networks: [],
  places: [],
  top: [],
  hours: [],
  days: [],
  together: [],
  doors: [],
  lines: 0,
  linesLeftOut: [],
  leftOut: [],
};

/** Characters that a terminal would not treat as text, except for line ends. */
export const HARMFUL = /[\x00-\x09\x0b-\x1f\x7f-\x9f\u200e\u200f\u2028-\u202e]/;
