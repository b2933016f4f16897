import assert from "node:assert/strict";
import { test } from "node:test";
import { paper } from "../src/credentials/paper.ts";
import { PAPER } from "./credentials.ts";

test("each line has the ports of one code: RFC 4226's secret, with eight digits", () => {
  // Appendix D, the last eight digits of the decimal values: 84755224, 94287082, 37359152.
  assert.equal(
    paper("host.example", PAPER, 0, 3),
    `Knocks of paper for host.example (door openSSH)
Use each line once, from the top, and cross it out. The order of the ports does not matter:
  knock -d 200 host.example PORT PORT PORT PORT

[ ] 0   2184  2575  2352  2724
[ ] 1   2194  2528  2370  2782
[ ] 2   2137  2535  2391  2752
`,
  );
});

test("numbers are aligned in a column", () => {
  assert.match(paper("h", PAPER, 9, 2), /\[ \] {2}9 .*\n\[ \] 10 /);
});
