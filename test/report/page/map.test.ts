import assert from "node:assert/strict";
import { test } from "node:test";
import { worldMap } from "../../../src/report/render/html/map.ts";
import type { CountryRow } from "../../../src/report/report.ts";
import { EMPTY } from "./sample-report.ts";

const row = (code: string, attempts: number): CountryRow => ({ code, name: `name of ${code}`, attempts, sources: 1 });
const drawn = (...countries: CountryRow[]) => worldMap({ ...EMPTY, countries }).text;

test("a country has its outline in its shade, and a link to its row", () => {
  const text = drawn(row("DE", 900), row("FR", 3));
  assert.match(text, /<g class="shade5"><path id="shape-DE" d="M/);
  assert.match(text, /<g class="shade1"><path id="shape-FR" d="M/);
  assert.match(
    text,
    /<a href="#country-DE"[^>]*><title>name of DE: 900 attempts, 1 address<\/title><use href="#shape-DE"\/>/,
  );
  assert.doesNotMatch(text, /mark-DE|shape-IT|Not on the map/);
});

test("a country without an outline, or with one that is too small to see, has a mark", () => {
  const text = drawn(row("SG", 1), row("LU", 2), row("GI", 3));
  for (const code of ["SG", "LU", "GI"])
    assert.match(text, new RegExp(`<circle class="mark" id="mark-${code}" .*<use href="#mark-${code}"/>`, "s"));
  assert.match(text, /shape-LU/);
  assert.doesNotMatch(text, /shape-SG/);
});

test("what is not on the map is listed below it", () => {
  const text = drawn(row("DE", 5), row("", 1200), row("EU", 1), row('"><script>', 2));
  assert.match(text, /Not on the map: 1,203 attempts from 3 addresses whose country is not known\./);
  assert.doesNotMatch(text, /<script/);
  assert.equal(text.match(/class="country"/g)?.length, 1);
});

test("a place is a point whose area shows its attempts; impossible coordinates have none", () => {
  const places = [
    { name: "<Far>", latitude: 10, longitude: 20, attempts: 400 },
    { name: "Near", latitude: 50, longitude: 8, attempts: 100 },
    { name: "Nowhere", latitude: 91, longitude: 0, attempts: 9 },
  ];
  const text = worldMap({ ...EMPTY, countries: [row("DE", 1)], places }).text;
  assert.match(text, /class="place" [^>]* r="12.0"><title>&lt;Far&gt;: 400 attempts</);
  assert.match(text, /class="place" [^>]* r="6.0"><title>Near: 100 attempts</);
  assert.doesNotMatch(text, /Nowhere/);
});
