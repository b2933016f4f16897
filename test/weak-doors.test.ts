// Tests which sequences are easy to guess. The warning does not contain their ports.
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { parseConfig } from "../src/config/parse.ts";
import { WeakDoors, weakDoors } from "../src/config/weak-doors.ts";
import { parseSequence } from "../src/sequences/sequence.ts";

describe("a weak sequence", () => {
  const table: [sequence: string, why: string | undefined][] = [
    ["7000,8000,9000", "it is printed in the manuals"],
    ["4438,1813,8235", "it is printed in the manuals"],
    ["2222:udp,3333:tcp,4444:udp", "it is printed in the manuals"],
    ["7000", undefined], // usually intended, so only knockctl check reports it
    ["9000,7000", "it has fewer than three knocks"],
    ["101,202:udp,303", "its ports ascend, as in a port scan"],
    ["303,202,101", "its ports descend, as in a port scan"],
    ["303,101,202", undefined],
    ["101,101,202", undefined],
  ];
  for (const [sequence, why] of table) {
    it(`${sequence}: ${why ?? "no"}`, () => {
      const { doors } = parseConfig(`[a]\nsequence = ${sequence}`, "", () => undefined);
      assert.deepEqual(weakDoors(doors), why === undefined ? [] : [`a: its sequence is easily found: ${why}`]);
    });
  }

  it("is reported when it is new, and when it comes back", () => {
    const weak = new WeakDoors();
    const news = (text: string) =>
      weak
        .news(parseConfig(text, "", () => undefined).doors.map((door) => ({ door })))
        .map((line) => line.split(":")[0]);
    const [a, b] = ["[a]\nsequence = 1,2\n", "[b]\nsequence = 3,4\n"];
    assert.deepEqual([a, a + b, a + b, b, a].map(news), [["a"], ["b"], [], [], ["a"]]);
  });

  it("causes no warning with Easy = yes, in the door or in [options]", () => {
    const of = (text: string) => weakDoors(parseConfig(text, "", () => undefined).doors).map((line) => line[0]);
    const door = (name: string, more = "") => `[${name}]\nsequence = 1,2\n${more}\n`;
    assert.deepEqual(of(door("a") + door("b", "Easy = yes")), ["a"]);
    assert.deepEqual(of(`[options]\nEasy = yes\n${door("a")}${door("b", "Easy = no")}`), ["b"]);
  });

  it("is none if it is used only once", () => {
    const { doors } = parseConfig("[a]\none_time_sequences = x", "", () => parseSequence("1,2,3"));
    assert.deepEqual(weakDoors(doors), []);
  });
});
