// Tests which values the options of knockctl init accept and refuse. Some of them end up in shell scripts that root
// runs.

import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { InvalidArgumentError } from "commander";
import { doorName, interfaceName, minutes, networks, wholeNumber } from "../src/knockctl/option-parsers.ts";

describe("the options of knockctl init", () => {
  for (const [what, take, good, bad] of [
    ["a whole number", wholeNumber(3, 32), ["3", "32", "007"], ["2", "33", "3.0", "-3", "", "3x", "1e1"]],
    ["minutes", minutes, ["5", "0.5", ".5", "60"], ["0", "61", "-1", "5m", "", "1e1", "5."]],
    [
      "a door",
      doorName,
      ["openSSH", "my-door_2.x"],
      ["options", "Options", "", "a b", "a'b", "a\nb", "$x", "a/b", "ä"],
    ],
    [
      "interfaces",
      interfaceName,
      ["eth0,wlan0", "ppp*", "eth0:1", "any"],
      ["", "eth0 lo", "eth0;x", "`x`", "a/b", "-\n"],
    ],
    ["networks", networks, ["192.168.1.0/24", "10.0.0.1,fd00::/8"], ["", "eth0", "0.0.0.0/0", "10.0.0.0/8;x"]],
  ] as [string, (text: string) => unknown, string[], string[]][]) {
    it(what, () => {
      for (const text of good) assert.doesNotThrow(() => take(text), text);
      for (const text of bad) assert.throws(() => take(text), InvalidArgumentError, JSON.stringify(text));
    });
  }
});
