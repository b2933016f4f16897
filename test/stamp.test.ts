// Tests the formatting of a packet's time, as tcpdump writes it.
import assert from "node:assert/strict";
import { it } from "node:test";
import { Stamp } from "../src/terminal/stamp.ts";

it("a timestamp has the form of tcpdump -tttt, to the microsecond, in local time", () => {
  const stamp = new Stamp();
  const at = new Date(2016, 6, 6, 9, 6, 3).getTime() / 1000;
  const table: [more: number, text: string][] = [
    [0, "2016-07-06 09:06:03.000000"],
    [0.25, "2016-07-06 09:06:03.250000"],
    [0.999999, "2016-07-06 09:06:03.999999"],
    [0.9999999, "2016-07-06 09:06:04.000000"],
    [57.000001, "2016-07-06 09:07:00.000001"],
    [0.5, "2016-07-06 09:06:03.500000"],
  ];
  for (const [more, text] of table) assert.equal(stamp.of(at + more), text);
});
