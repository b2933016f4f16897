// Tests what of a stranger's text reaches a terminal.
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { Answer } from "../src/control/protocol.ts";
import { answerLine } from "../src/control/protocol.ts";
import { doorEventLine } from "../src/log/messages.ts";
import { parseAddress } from "../src/net/address.ts";
import { printable, printableJson } from "../src/terminal/printable.ts";
import { clean } from "../src/terminal/style.ts";

const harmful = {
  "moves the cursor": ["\x1b", "\x9b", "\b", "\r", "\n", "\t", "\0", "\x7f", "\u0085", "\u2028", "\u2029"],
  "turns the direction": ["\u061c", "\u200e", "\u200f", "\u202a", "\u202e", "\u2066", "\u2069"],
  "has no width": ["\u00ad", "\u034f", "\u115f", "\u180e", "\u200b", "\u200d", "\u2060", "\u3164", "\ufe0f", "\ufeff"],
  "is a tag, private, or half a character": ["\u{e0041}", "\u{e000}", "\ud800", "\ufffe"],
};
const harmless = "eth0 [door] ~ \u00fc \u65e5\u672c \u03b1 \u{1f6aa} caf\u0065\u0301 100 %";

describe("text of others", () => {
  for (const [what, characters] of Object.entries(harmful)) {
    it(`loses what ${what}, wherever it is shown`, () => {
      for (const character of characters) {
        const name = `U+${character.codePointAt(0)!.toString(16)}`;
        for (const shown of [printable, clean]) assert.equal(shown(`a${character}b`), "a?b", name);
        const text = `x${character}y`;
        const said = doorEventLine(
          { type: "command stderr", door: "a", knocker: parseAddress("192.0.2.1")!, text },
          "",
        );
        assert.doesNotMatch(said, new RegExp(`x${character}y`, "u"), name);
      }
    });
    it(`is escaped in JSON if it ${what}`, () => {
      const door = `a${characters.join("")}b`;
      const line = answerLine({ type: "end", door } as unknown as Answer);
      assert.match(line, /^[\x20-\x7e]+\n$/);
      assert.equal(JSON.parse(line).door, door);
    });
  }

  it("is otherwise unchanged", () => {
    assert.equal(printable(harmless), harmless);
    assert.equal(printableJson(JSON.stringify(harmless)), JSON.stringify(harmless));
  });
});
