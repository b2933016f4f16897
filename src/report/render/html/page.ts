// The report as one HTML page. It loads nothing and runs no script, so you can keep it, mail it and open it from a file.

import { createHash } from "node:crypto";
import { serviceName } from "../../count/common-names.ts";
import type { Report } from "../../report.ts";
import { headline } from "../headline.ts";
import { worldMap } from "./map.ts";
import { foreign, html, Markup } from "./markup.ts";
import { style } from "./style.ts";
import { addresses, countries, knocks, linesRead, networks, places, ports, times, together } from "./tables.ts";
import { timeline } from "./timeline.ts";
import { count, counted, day, machineTime, moment, timeZone } from "./words.ts";

const OUTLINES = {
  name: "Country outlines: Natural Earth, in the package world-atlas",
  licence: "public domain; ISC",
  link: "https://www.naturalearthdata.com/about/terms-of-use/",
};

/** Allows this one style sheet: no script, font or picture, whatever a log line contains. */
const POLICY = `default-src 'none'; style-src 'sha256-${createHash("sha256").update(style).digest("base64")}'; base-uri 'none'; form-action 'none'`;

interface Section {
  readonly id: string;
  readonly heading: string;
  readonly content: Markup;
}

export function page(report: Report): string {
  const all = sections(report);
  const meaning = headline(report);
  return html`<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="${POLICY}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta name="referrer" content="no-referrer">
<title>Who was at the door${report.host && ` (${report.host})`}</title>
<style>${new Markup(style)}</style>
</head>
<body>
<a class="skip" href="#main">Skip the menu</a>
<header>
<h1>Who was at the door</h1>
${period(report)}
${meaning && html`<p class="meaning">${foreign(meaning)}</p>`}
${all.length > 0 ? html`<nav aria-label="Sections"><ul>${all.map(({ id, heading }) => html`<li><a href="#${id}">${heading}</a></li>\n`)}</ul></nav>` : ""}
</header>
<main id="main" tabindex="-1">
${report.attempts > 0 ? summary(report) : html`<p class="nobody">No attempt was counted.</p>`}
${report.leftOut.length > 0 ? html`<ul class="left-out" aria-label="Notes">${report.leftOut.map((one) => html`<li>${foreign(one)}</li>\n`)}</ul>` : ""}
${all.map(({ id, heading, content }) => html`<section id="${id}" aria-labelledby="${id}-heading"><h2 id="${id}-heading">${heading}</h2>\n${content}\n</section>\n`)}</main>
${foot(report)}
</body>
</html>
`.text;
}

function period({ host, since, until }: Report): Markup {
  const name = host && html`<b>${foreign(host)}</b>`;
  if (since === undefined || until === undefined) return html`${name && html`<p class="period">${name}</p>`}`;
  return html`<p class="period">${name}${name && ", "}${instant(since)} to ${instant(until)}</p>`;
}

/** The most important numbers. */
function summary(report: Report): Markup {
  const [port] = report.ports;
  const busiest = report.days.reduce<Report["days"][number] | undefined>(
    (most, row) => (most && most.attempts >= row.attempts ? most : row),
    undefined,
  );
  const opened = report.doors.reduce((sum, door) => sum + door.opened, 0);
  const begun = report.doors.reduce((sum, door) => sum + door.begun, 0);
  const known = report.countries.filter(({ code }) => code !== "").length;
  const tile = (name: string, value: string | Markup, more: string | Markup = "") =>
    html`<div><dt>${name}</dt><dd>${value}${more && html` <small>${more}</small>`}</dd></div>\n`;
  return html`<dl class="summary">
${tile("Attempts", count(report.attempts))}${tile("Addresses", count(report.sources))}${known > 0 ? tile("Countries", count(known)) : ""}${
  port
    ? tile(
        "Tried most",
        port.port === 0 ? foreign(port.protocol) : html`${port.port}/${foreign(port.protocol)}`,
        foreign(serviceName(port.protocol, port.port, port.service)),
      )
    : ""
}${busiest && report.days.length > 1 ? tile("Busiest day", day(busiest.at), counted(busiest.attempts, "attempt")) : ""}${
  report.doors.length > 0 ? tile("Doors opened", count(opened), `of ${counted(begun, "knock")} begun`) : ""
}</dl>`;
}

function sections(report: Report): Section[] {
  const numbers = (...tables: (Markup | undefined)[]) => html`<div class="tables">${tables}</div>`;
  const parts: [string, string, readonly unknown[], () => Markup][] = [
    [
      "where",
      "Where from",
      report.countries,
      () => html`${worldMap(report)}${numbers(countries(report), networks(report), places(report))}`,
    ],
    [
      "when",
      "When",
      report.days,
      () =>
        html`${timeline("day", report.days)}${timeline("hour", report.hours)}${times("day", report.days)}${times("hour", report.hours)}<p class="note">Times are in the time zone ${timeZone}.</p>`,
    ],
    ["what", "What they tried", report.ports, () => numbers(ports(report), together(report))],
    ["who", "Who", report.top, () => numbers(addresses(report))],
    ["knocks", "Knocks", report.doors, () => numbers(knocks(report))],
    ["lines", "Lines read", report.lines > 0 ? [report] : [], () => numbers(linesRead(report))],
  ];
  return parts
    .filter(([, , rows]) => rows.length > 0)
    .map(([id, heading, , content]) => ({ id, heading, content: content() }));
}

function foot({ at, sourcesOfData, countries: drawn }: Report): Markup {
  const sources = drawn.length > 0 ? [...sourcesOfData, OUTLINES] : sourcesOfData;
  return html`<footer>
<p>Made by knockctl on ${instant(at)}. Addresses can be forged, and countries come from a database.</p>
${sources.length > 0 ? html`<ul aria-label="Sources of data">${sources.map(({ name, licence, link }) => html`<li>${/^https?:\/\//.test(link) ? html`<a href="${link}">${foreign(name)}</a>` : foreign(name)}: ${foreign(licence)}</li>\n`)}</ul>` : ""}
</footer>`;
}

function instant(at: number): Markup {
  return html`<time datetime="${machineTime(at)}">${moment(at)}</time>`;
}
