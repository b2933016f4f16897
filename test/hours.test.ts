import assert from "node:assert/strict";
import { it } from "node:test";
import { isWithinHours, parseHours } from "../src/codes/hours.ts";

/** 1 March 2027 is a Monday. */
const at = (day: number, hour: number, minute = 0) => new Date(2027, 2, day, hour, minute);
const within = (text: string, date: Date) => isWithinHours(parseHours(text)!, date);

it("parse days and times", () => {
  const office = "Mon-Fri 08:00-18:00";
  assert.ok(!within(office, at(1, 7, 59)));
  assert.ok(within(office, at(1, 8)));
  assert.ok(within(office, at(5, 17, 59)));
  assert.ok(!within(office, at(5, 18)));
  assert.ok(!within(office, at(6, 12)), "Saturday");
});

it("assign a night to the day on which it begins", () => {
  const night = "Fri 22:00-06:00";
  assert.ok(within(night, at(5, 23)));
  assert.ok(within(night, at(6, 5, 59)));
  assert.ok(!within(night, at(6, 23)));
  assert.ok(!within(night, at(5, 5)));
});

it("may be only days or only times, and days may span the weekend", () => {
  assert.ok(within("Sat, sun", at(6, 3)));
  assert.ok(!within("Sat,Sun", at(8, 3)));
  assert.ok(within("06:00-24:00", at(6, 23, 59)));
  assert.ok(within("Sat-Mon", at(8, 3)));
  assert.ok(!within("Sat-Mon", at(9, 3)));
});

it("reject anything else", () => {
  for (const text of [
    "",
    "always",
    "Mon-",
    "Mon-Tue-Wed",
    "8-18",
    "08:00",
    "25:00-26:00",
    "08:60-09:00",
    "08:00-08:00",
    "Mo 08:00-09:00",
    "Mon08:00-09:00x",
  ])
    assert.equal(parseHours(text), undefined, text);
});
