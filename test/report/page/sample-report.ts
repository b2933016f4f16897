// A report of made-up attempts, the same each time, to test the page with. Its sums are right, as in a real one.

import type { Report, TimeRow } from "../../../src/report/report.ts";

const HOUR = 3600;
const BEGIN = new Date(2026, 10, 19).getTime() / 1000;
const CODES =
  "US CN NL DE BR VN RU SG IN HK GB FR KR TW ID BG TR UA PL RO IT IR TH ZA AR MX JP SE LT SC PA LU MT MC GI TV GP KE AU CL CA XK VA MU BH GF";
const PORTS: readonly (readonly [protocol: string, port: number, service: string])[] = [
  ["tcp", 23, "telnet"],
  ["tcp", 22, "ssh"],
  ["tcp", 445, "microsoft-ds"],
  ["tcp", 3389, "ms-wbt-server"],
  ["tcp", 8080, "http-alt"],
  ["tcp", 80, "http"],
  ["tcp", 443, "https"],
  ["udp", 5060, "sip"],
  ["tcp", 6379, "redis"],
  ["udp", 123, "ntp"],
  ["udp", 161, "snmp"],
  ["icmp", 0, ""],
  ["tcp", 5900, "rfb"],
  ["tcp", 1433, "ms-sql-s"],
];

export const EMPTY: Report = {
  since: undefined,
  until: undefined,
  at: BEGIN,
  host: "",
  attempts: 0,
  rejected: 0,
  sources: 0,
  lines: 0,
  linesLeftOut: [],
  leftOut: [],
  ports: [],
  countries: [],
  networks: [],
  places: [],
  top: [],
  hours: [],
  days: [],
  together: [],
  doors: [],
  sourcesOfData: [],
};

export function sampleReport({ attempts = 48_211, days = 6, addresses = 60, ports = 40 } = {}): Report {
  const random = dice(7);
  const names = new Intl.DisplayNames("en", { type: "region" });
  const countries = spread(attempts, ["", ...CODES.split(" ")].length).map((n, i) => {
    const code = i === 11 ? "" : CODES.split(" ")[i > 11 ? i - 1 : i]!;
    return { code, name: code ? names.of(code)! : "not known", attempts: n, sources: Math.ceil(n / 37) };
  });
  const hours: TimeRow[] = Array.from({ length: days * 24 }, (_, i) => ({
    at: BEGIN + i * HOUR,
    attempts: Math.floor((attempts / days / 24) * (0.4 + random() + (i % 24 === 3 ? 1.5 : 0) + (i === 70 ? 3 : 0))),
  }));
  const last = hours.at(-1)!.at + HOUR - 1;
  const places = countries
    .filter(({ code }) => ["US", "CN", "NL", "DE", "BR", "SG"].includes(code))
    .map((row, i) => ({
      name: ["Ashburn", "Beijing", "Amsterdam", "Frankfurt am Main", "São Paulo", "Singapore"][i]!,
      latitude: [39.0, 39.9, 52.4, 50.1, -23.5, 1.35][i]!,
      longitude: [-77.5, 116.4, 4.9, 8.7, -46.6, 103.8][i]!,
      attempts: Math.ceil(row.attempts / 2),
    }));
  return {
    ...EMPTY,
    since: BEGIN + 192,
    until: last,
    at: last + 600,
    host: "gate",
    attempts,
    rejected: attempts,
    sources: countries.reduce((sum, { sources }) => sum + sources, 0),
    ports: spread(attempts, ports).map((n, i) => {
      const [protocol, port, service] = PORTS[i] ?? ["tcp", 10_000 + i, ""];
      return { protocol, port, service, attempts: n, sources: Math.ceil(n / 30) };
    }),
    countries,
    networks: spread(attempts, 30).map((n, i) => ({
      network: `AS${64_496 + i} Example Hosting ${i + 1}`,
      attempts: n,
      sources: Math.ceil(n / 50),
    })),
    places,
    top: spread(attempts, addresses).map((n, i) => ({
      address: i % 9 === 8 ? `2001:db8:${i.toString(16)}::${(i * 7).toString(16)}` : `203.0.113.${i % 256}`,
      country: countries[i % countries.length]!.code,
      network: `AS${64_496 + (i % 30)} Example Hosting ${(i % 30) + 1}`,
      attempts: n,
      ports: 1 + Math.floor(random() * 40),
      first: BEGIN + Math.floor(random() * HOUR),
      last: last - Math.floor(random() * HOUR),
    })),
    hours,
    days: Array.from({ length: days }, (_, day) => ({
      at: hours[day * 24]!.at,
      attempts: hours.slice(day * 24, day * 24 + 24).reduce((sum, row) => sum + row.attempts, 0),
    })),
    together: spread(900, 12).map((n, i) => ({
      ports: PORTS.slice(i % 5, (i % 5) + 2 + (i % 6)).map(([protocol, port]) => `${protocol}/${port}`),
      sources: n,
    })),
    doors: [
      { door: "openSSH", begun: 31, opened: 24, failed: 7 },
      { door: "closeSSH", begun: 22, opened: 21, failed: 1 },
      { door: "openHTTPSfor30s", begun: 140, opened: 2, failed: 138 },
    ],
    sourcesOfData: [
      { name: "IP to country: example", licence: "CC0", link: "https://example.org/country" },
      { name: "IP to network: example", licence: "PDDL", link: "https://example.org/network" },
    ],
  };
}

/** Divides a number into parts, each about three quarters of the one before, and none empty if possible. */
function spread(whole: number, parts: number): number[] {
  let left = whole;
  return Array.from({ length: parts }, (_, i) => {
    const part = i === parts - 1 ? left : Math.min(left - (parts - 1 - i), Math.max(1, Math.floor(left / 4)));
    left -= part;
    return part;
  }).sort((a, b) => b - a);
}

/** Numbers from 0 to 1 that look random. */
function dice(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state * 1_103_515_245 + 12_345) % 2_147_483_648;
    return state / 2_147_483_648;
  };
}
