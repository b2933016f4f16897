// The countries of Natural Earth as SVG paths: the outline of each country by its code, and the position of its mark if
// it is too small to see.

import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { type GeoPermissibleObjects, geoCentroid, geoEqualEarth, geoGraticule10, geoPath } from "d3-geo";
import { feature } from "topojson-client";

export const WIDTH = 960;
export const HEIGHT = 468;

/** In square units. A smaller country is hard to see, and hard to hit with a finger. */
const TOO_SMALL = 40;

type World = Parameters<typeof feature>[0];

interface Outline {
  readonly code: string;
  /** The value of `d` of an SVG path. */
  readonly path: string;
  readonly tooSmall: boolean;
}

export interface Outlines {
  readonly sea: string;
  readonly grid: string;
  /** The code "" stands for land to which no country's addresses belong. */
  readonly countries: readonly Outline[];
  /** The position of a country's mark. Undefined if the code is not a country's. */
  mark(code: string): Point | undefined;
  at(longitude: number, latitude: number): Point | undefined;
}

export type Point = readonly [x: number, y: number];

// ISO 3166 has no number for these, but databases of addresses have codes.
const BY_NAME: Record<string, string> = { Kosovo: "XK", Somaliland: "SO", "N. Cyprus": "CY" };

// Natural Earth counts these as parts of other countries, or leaves them out at this scale.
const OTHERS: Record<string, readonly [longitude: number, latitude: number]> = {
  BQ: [-68.3, 12.2],
  BV: [3.4, -54.4],
  CC: [96.8, -12.2],
  CX: [105.6, -10.5],
  GF: [-53.1, 4.0],
  GI: [-5.4, 36.1],
  GP: [-61.6, 16.2],
  MQ: [-61.0, 14.6],
  RE: [55.5, -21.1],
  SJ: [16.0, 78.6],
  TK: [-171.8, -9.2],
  TV: [179.2, -8.5],
  UM: [166.6, 19.3],
  YT: [45.1, -12.8],
};

const projection = geoEqualEarth().fitExtent(
  [
    [1, 1],
    [WIDTH - 1, HEIGHT - 1],
  ],
  { type: "Sphere" },
);
const pathOf = geoPath(projection).digits(1);

/** Reads the outlines from an installed package. Throws if it is missing. */
export function outlines(): Outlines {
  const countries = read("countries-110m.json").map(({ code, shape }) => ({
    code,
    path: drawn(shape),
    tooSmall: pathOf.area(shape) < TOO_SMALL,
  }));
  const centres = new Map<string, readonly [number, number]>(Object.entries(OTHERS));
  // The finer map also has small countries. The first shape with a code is the country, later ones are its islands.
  for (const { code, shape } of read("countries-50m.json"))
    if (!centres.has(code)) centres.set(code, geoCentroid(shape));
  return {
    sea: drawn({ type: "Sphere" }),
    grid: drawn(geoGraticule10()),
    countries: countries.filter(({ path }) => path !== ""),
    mark(code) {
      const centre = code === "" ? undefined : centres.get(code);
      return centre && at(...centre);
    },
    at,
  };
}

function at(longitude: number, latitude: number): Point | undefined {
  if (!(Math.abs(longitude) <= 180 && Math.abs(latitude) <= 90)) return undefined;
  const point = projection([longitude, latitude]);
  return point ? [round(point[0]), round(point[1])] : undefined;
}

function read(file: string): { readonly code: string; readonly shape: GeoPermissibleObjects }[] {
  const world: World = JSON.parse(readFileSync(createRequire(import.meta.url).resolve(`world-atlas/${file}`), "utf8"));
  const all = feature(world, world.objects.countries!);
  if (all.type !== "FeatureCollection") throw new Error(`${file}: no collection of countries`);
  return all.features.map((one) => ({ code: codeOf(one.id, one.properties?.name), shape: one }));
}

/** Intl knows the two-letter code for ISO's number. */
function codeOf(number: string | number | undefined, name: string): string {
  if (number === undefined) return BY_NAME[name] ?? "";
  return new Intl.Locale(`und-${number}`).region ?? "";
}

function drawn(shape: GeoPermissibleObjects): string {
  return pathOf(shape) ?? "";
}

function round(n: number): number {
  return Math.round(n * 10) / 10;
}
