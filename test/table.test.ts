import assert from "node:assert/strict";
import { afterEach, beforeEach, describe, it } from "node:test";
import stringWidth from "string-width";
import { table } from "../src/terminal/table.ts";

const ADDRESS = "2a02:8108:96bf:f9f8:5a11:22ff:fe9d:4c1d";
const { LANG } = process.env;
beforeEach(() => (process.env.LANG = "C.UTF-8"));
afterEach(() => (process.env.LANG = LANG));

const widest = (text: string) => Math.max(...text.split("\n").map((line) => stringWidth(line)));

describe("a table", () => {
  it("has a header, two spaces between columns, and numbers at the right", () => {
    const text = table(
      [{ head: "INTERFACE" }, { head: "PACKETS" }, { head: "HEARS" }],
      [
        ["eth0", 512, "yes"],
        ["wlan0", 7, "no"],
      ],
    );
    assert.equal(text, "INTERFACE  PACKETS  HEARS\neth0           512  yes\nwlan0            7  no\n");
  });

  it("is indented as a whole", () => {
    assert.equal(table([{ head: "A" }], [["b"]], { indent: 2 }), "  A\n  b\n");
  });

  it("wraps a column between words rather than cut it", () => {
    const columns = [
      { head: "DOOR", narrow: "cut" },
      { head: "ADDRESS", narrow: "wrap" },
    ] as const;
    assert.equal(
      table(columns, [["openSSH", `${ADDRESS} (21 s left)`]], { width: 50 }),
      `DOOR     ADDRESS\nopenSSH  ${ADDRESS}\n         (21 s left)\n`,
    );
  });

  it("cuts a name that is too long, but no address", () => {
    const columns = [{ head: "DOOR", narrow: "cut" }, { head: "ADDRESS" }] as const;
    const text = table(columns, [["a-door-with-a-very-long-name", ADDRESS]], { width: 60 });
    assert.equal(widest(text), 60);
    assert.match(text, /^a-door-with-a-very… {2}2a02:8108:96bf:f9f8:5a11:22ff:fe9d:4c1d$/m);
  });

  it("aligns columns with wide characters and colours", () => {
    const text = table(
      [{ head: "DOOR" }, { head: "TIMEOUT" }],
      [
        ["日本語", "10 s"],
        ["\x1b[32mgarage\x1b[39m", "25 s"],
      ],
    );
    assert.equal(text, "DOOR    TIMEOUT\n日本語  10 s\n\x1b[32mgarage\x1b[39m  25 s\n");
  });

  it("cuts wide characters by their width", () => {
    const columns = [{ head: "DOOR", narrow: "cut" }, { head: "ADDRESS" }] as const;
    const text = table(columns, [["日本語日本語日本語日本語", ADDRESS]], { width: 55 });
    assert.ok(widest(text) <= 55, text);
    assert.match(text, /^日本語日本語… +2a02/m);
  });

  it("cuts with three dots where the terminal has no UTF-8", () => {
    process.env.LANG = "C";
    assert.equal(table([{ head: "DOOR", narrow: "cut" }], [["a-long-name"]], { width: 8 }), "DOOR\na-lon...\n");
  });

  it("puts each line of a cell on its own line", () => {
    assert.equal(table([{ head: "A" }, { head: "B" }], [["x", "1\n2"]]), "A  B\nx  1\n   2\n");
  });

  it("without rows has only its header", () => {
    assert.equal(table([{ head: "A" }, { head: "B" }], []), "A  B\n");
  });
});
