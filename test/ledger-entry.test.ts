// Tests the text of an open door in the ledger: no text yields anything but open doors, and times are right by any
// clock.
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import {
  closedLine,
  dueIn,
  LEDGER_HEAD,
  type LedgerEntry,
  openLine,
  parseLedger,
  secondsLeft,
} from "../src/doors/ledger-entry.ts";

const ENTRY: LedgerEntry = {
  id: 1,
  door: "a [b] \n",
  ip: "10.77.0.2",
  stopCommand: 'stop "10.77.0.2" % \u00e9',
  commandTimeout: 60,
  due: dueIn(60),
};

const parse = (text: string) => parseLedger(Buffer.from(text));
const OTHER = { ...ENTRY, id: 2 };

describe("a ledger's text", () => {
  const cases: [what: string, text: string, open: LedgerEntry[]][] = [
    ["is read as it was written", openLine(ENTRY) + openLine(OTHER), [ENTRY, OTHER]],
    ["may be that of no door", "", []],
    ["holds what is not closed again", openLine(ENTRY) + openLine(OTHER) + closedLine(1), [OTHER]],
    [
      "has of a door what was written last",
      openLine(ENTRY) + openLine({ ...ENTRY, commandTimeout: 1 }),
      [{ ...ENTRY, commandTimeout: 1 }],
    ],
    ["may close what it has never opened", closedLine(7) + openLine(ENTRY), [ENTRY]],
  ];
  for (const [what, text, open] of cases) it(what, () => assert.deepEqual(parse(LEDGER_HEAD + text), open));

  it("may be cut at any byte after the first line: whole entries count", () => {
    const whole = Buffer.from(LEDGER_HEAD + openLine(ENTRY) + openLine(OTHER) + closedLine(1));
    for (let length = LEDGER_HEAD.length; length < whole.length; length++) {
      const lines = whole.subarray(LEDGER_HEAD.length, length).toString().split("\n").length - 1;
      assert.deepEqual(parseLedger(whole.subarray(0, length)), [ENTRY, OTHER].slice(0, lines));
    }
  });

  it("may be empty: the file was made, but not written", () => assert.deepEqual(parse(""), []));

  it("is parsed to a list of entries or an Error, whatever it is", () => {
    const entry = fc.record({ id: fc.anything(), door: fc.anything(), ip: fc.anything(), due: fc.anything() });
    const closed = fc.record({ closed: fc.anything() });
    const line = fc.oneof(entry, closed, fc.anything()).map((value) => `${JSON.stringify(value)}\n`);
    const lines = fc.array(line).map((all) => LEDGER_HEAD + all.join(""));
    const text = fc.oneof(fc.string(), fc.json(), lines);
    fc.assert(
      fc.property(text, (any) => {
        try {
          for (const { stopCommand } of parse(any)) assert.equal(typeof stopCommand, "string");
        } catch (error) {
          assert.ok(error instanceof Error && !(error instanceof TypeError), `${error}`);
        }
      }),
    );
  });
});

describe("the time left", () => {
  const hour = 3_600_000;
  const tenYears = 10 * 365 * 24 * hour;
  /** The minutes left, of an entry that was due in that many seconds and was then changed. */
  const left = (seconds: number, change: Partial<LedgerEntry["due"]>) => {
    return Math.round(secondsLeft({ ...ENTRY, due: { ...dueIn(seconds), ...change } }) / 60);
  };

  it("follows this boot's monotonic clock, however far the wall clock was set", () => {
    for (const step of [tenYears, -tenYears]) assert.equal(left(3600, { wall: Date.now() + step }), 60);
  });
  it("follows the wall clock after a reboot", () => {
    assert.equal(left(0, { bootId: "another", wall: Date.now() + hour }), 60);
  });
  it("is never negative", () => assert.equal(left(-3600, {}), 0));
});
