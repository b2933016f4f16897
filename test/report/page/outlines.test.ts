import assert from "node:assert/strict";
import { test } from "node:test";
import { HEIGHT, outlines, WIDTH } from "../../../src/report/render/html/outlines.ts";

const world = outlines();

/** Codes for which Intl has names but which are no countries of ISO's: islands and unions with a reserved code. */
const NO_COUNTRY = "AC CP CQ DG EA EU EZ IC QO TA UN XA XB ZZ".split(" ");

test("no country is missing: each code has a visible outline, or a place for its mark", () => {
  const names = new Intl.DisplayNames("en", { type: "region", fallback: "none" });
  const letters = [..."ABCDEFGHIJKLMNOPQRSTUVWXYZ"];
  const codes = letters
    .flatMap((a) => letters.map((b) => a + b))
    // Codes that are no longer valid have a successor.
    .filter((code) => names.of(code) !== undefined && new Intl.Locale(`und-${code}`).region === code)
    .filter((code) => !NO_COUNTRY.includes(code));
  assert.ok(codes.length >= 249, `${codes.length} codes`);
  for (const code of codes) {
    const large = world.countries.some((one) => one.code === code && !one.tooSmall);
    const mark = world.mark(code);
    assert.ok(large || mark !== undefined, `${code} ${names.of(code)}`);
    if (mark) assert.ok(mark[0] > 0 && mark[0] < WIDTH && mark[1] > 0 && mark[1] < HEIGHT, `${code} ${mark}`);
  }
});

test("marks are where the countries are", () => {
  const near = (code: string, longitude: number, latitude: number) => {
    const [x, y] = world.mark(code)!;
    const [a, b] = world.at(longitude, latitude)!;
    assert.ok(Math.hypot(x - a, y - b) < 4, `${code}: ${x},${y} and not ${a},${b}`);
  };
  near("SG", 103.8, 1.35);
  near("MT", 14.4, 35.9);
  near("LU", 6.1, 49.8);
  near("XK", 20.9, 42.6);
  near("GI", -5.35, 36.14);
});

test("a code that is not a country's, and impossible coordinates, have no position", () => {
  for (const code of ["", "EU", "ZZ", "us", "__proto__", "constructor"])
    assert.equal(world.mark(code), undefined, code);
  for (const [longitude, latitude] of [
    [181, 0],
    [0, -91],
    [Number.NaN, 0],
  ])
    assert.equal(world.at(longitude!, latitude!), undefined);
});

test("paths are short enough for a page", () => {
  const all = world.countries.map(({ path }) => path).join("");
  assert.ok(all.length < 130_000, `${all.length} characters`);
  assert.doesNotMatch(all, /[^MLZ0-9.,-]/);
});
