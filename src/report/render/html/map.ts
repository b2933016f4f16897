// The world map: each country is shaded by its attempts, small countries have a mark, and places have points. It has
// two layers: the drawing, and the links above it, so that no neighbour covers the frame of the focused country.

import type { CountryRow, PlaceRow, Report } from "../../report.ts";
import { html, type Markup } from "./markup.ts";
import { HEIGHT, type Outlines, outlines, type Point, WIDTH } from "./outlines.ts";
import { type Shades, shades } from "./shades.ts";
import { counted } from "./words.ts";

/** The radius of the point with the most attempts. The area of a point is proportional to its attempts. */
const LARGEST = 12;

interface Country {
  readonly row: CountryRow;
  readonly paths: readonly string[];
  readonly mark: Point | undefined;
}

export function worldMap({ countries, places }: Report): Markup {
  const world = outlines();
  const all = countries.map((row) => drawn(world, row));
  const there = all.filter(({ paths, mark }) => paths.length > 0 || mark !== undefined);
  const nowhere = all.filter((country) => !there.includes(country)).map(({ row }) => row);
  const scale = shades(countries.reduce((most, { attempts }) => Math.max(most, attempts), 1));
  const rest = world.countries.filter(({ code }) => !there.some(({ row }) => row.code === code));
  const list = html`<a href="#countries">table of countries</a>`;
  return html`<figure id="map">
<p class="skip"><a href="#countries">Past the map: the same numbers are in the table of countries</a></p>
<svg class="map" viewBox="0 0 ${WIDTH} ${HEIGHT}" role="group" aria-labelledby="map-name">
<g aria-hidden="true">
<path class="sea" d="${world.sea}"/>
<path class="grid" d="${world.grid}"/>
<path class="land" d="${rest.map(({ path }) => path).join("")}"/>
${there.map(({ row, paths }) => (paths.length > 0 ? html`<g class="shade${scale.of(row.attempts)}"><path id="shape-${row.code}" d="${paths.join("")}"/></g>\n` : ""))}${there.map(
  ({ row, mark }) =>
    mark
      ? html`<g class="shade${scale.of(row.attempts)}"><circle class="mark" id="mark-${row.code}" cx="${mark[0]}" cy="${mark[1]}"/></g>\n`
      : "",
)}</g>
${there.map(({ row, paths, mark }) => link(row, paths.length > 0, mark !== undefined))}${points(world, places)}</svg>
<figcaption>
<p id="map-name">World map: attempts by country</p>
${legend(
  scale,
  there.some(({ mark }) => mark !== undefined),
  places.length > 0,
)}
<p class="note">Each country is a link to its row in the ${list}.${
    nowhere.length > 0
      ? html` Not on the map: ${counted(sum(nowhere.map(({ attempts }) => attempts)), "attempt")} from ${counted(
          sum(nowhere.map(({ sources }) => sources)),
          "address",
          "addresses",
        )} whose country is not known.`
      : ""
  }</p>
</figcaption>
</figure>`;
}

/** The id of the country's row in the table. Undefined if the code is not a country's. */
export function countryRowId(code: string): string | undefined {
  return /^[A-Z]{2}$/.test(code) ? `country-${code}` : undefined;
}

function drawn(world: Outlines, row: CountryRow): Country {
  const shapes = countryRowId(row.code) ? world.countries.filter(({ code }) => code === row.code) : [];
  const small = shapes.every(({ tooSmall }) => tooSmall);
  return { row, paths: shapes.map(({ path }) => path), mark: small ? world.mark(row.code) : undefined };
}

function link({ code, name, attempts, sources }: CountryRow, shape: boolean, mark: boolean): Markup {
  return html`<a href="#${countryRowId(code)}" class="country" data-attempts="${attempts}"><title>${name}: ${counted(attempts, "attempt")}, ${counted(
    sources,
    "address",
    "addresses",
  )}</title>${shape ? html`<use href="#shape-${code}"/>` : ""}${mark ? html`<use href="#mark-${code}"/>` : ""}</a>\n`;
}

/** The points have names only for the pointer: they may overlap, and the table of places has the same information. */
function points(world: Outlines, places: readonly PlaceRow[]): Markup {
  const most = places.reduce((max, { attempts }) => Math.max(max, attempts), 1);
  return html`<g aria-hidden="true">${places.map(({ name, longitude, latitude, attempts }) => {
    const point = world.at(longitude, latitude);
    if (!point) return "";
    const radius = Math.max(1.5, LARGEST * Math.sqrt(attempts / most)).toFixed(1);
    return html`<circle class="place" cx="${point[0]}" cy="${point[1]}" r="${radius}"><title>${name}: ${counted(attempts, "attempt")}</title></circle>\n`;
  })}</g>`;
}

function legend(scale: Shades, marks: boolean, places: boolean): Markup {
  const square = html`<rect width="100%" height="100%"/>`;
  const round = html`<circle cx="50%" cy="50%" r="5"/>`;
  const swatch = (shape: Markup, name: string) => html`<svg class="swatch ${name}" aria-hidden="true">${shape}</svg>`;
  return html`<ul class="legend" aria-label="Shades of the map">
<li>${swatch(square, "none")}none</li>
${scale.from.map((_, i) => html`<li>${swatch(square, `shade${i + 1}`)}${scale.label(i + 1)}</li>\n`)}${
  marks ? html`<li>${swatch(round, "shade3")}a small country</li>\n` : ""
}${places ? html`<li>${swatch(round, "place")}a place: the larger, the more</li>\n` : ""}</ul>`;
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, n) => total + n, 0);
}
