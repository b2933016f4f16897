// An open door as it is written down: of any text nothing but open doors, and in its time by whatever clock there is.
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { dueIn, type LedgerEntry, ledgerText, parseLedger, secondsLeft } from "../src/doors/ledger-entry.ts";

const ENTRY: LedgerEntry = {
  id: 1,
  door: "a [b] \n",
  ip: "10.77.0.2",
  stopCommand: 'stop "10.77.0.2" % \u00e9',
  commandTimeout: 60,
  due: dueIn(60),
};

describe("a ledger's text", () => {
  it("is read as it was written", () => {
    assert.deepEqual(parseLedger(ledgerText([ENTRY, { ...ENTRY, id: 2 }])), [ENTRY, { ...ENTRY, id: 2 }]);
    assert.deepEqual(parseLedger(ledgerText([])), []);
  });

  it("is of any text a list of entries, or an Error", () => {
    const entry = fc.record({ id: fc.anything(), door: fc.anything(), ip: fc.anything(), due: fc.anything() });
    const json = fc.record({
      version: fc.oneof(fc.constant(1), fc.anything()),
      open: fc.oneof(fc.array(entry), fc.anything()),
    });
    const text = fc.oneof(
      fc.string(),
      fc.json(),
      json.map((value) => JSON.stringify(value) ?? ""),
    );
    fc.assert(
      fc.property(text, (any) => {
        try {
          for (const { stopCommand } of parseLedger(any)) assert.equal(typeof stopCommand, "string");
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
  /** In minutes, of an entry due so many seconds from now, and then changed. */
  const left = (seconds: number, change: Partial<LedgerEntry["due"]>) => {
    return Math.round(secondsLeft({ ...ENTRY, due: { ...dueIn(seconds), ...change } }) / 60);
  };

  it("goes by this boot's clock, however far the wall clock was set", () => {
    for (const step of [tenYears, -tenYears]) assert.equal(left(3600, { wall: Date.now() + step }), 60);
  });
  it("goes by the wall clock after another boot", () => {
    assert.equal(left(0, { bootId: "another", wall: Date.now() + hour }), 60);
  });
  it("is never less than none", () => assert.equal(left(-3600, {}), 0));
});
