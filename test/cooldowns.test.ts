// Tests that a cooldown ends on time and affects only its own key.
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { Attempts } from "../src/attempts/attempts.ts";
import { Cooldowns } from "../src/attempts/cooldowns.ts";
import { parseConfig } from "../src/config/parse.ts";
import { toPacket } from "./story.ts";

describe("a cooldown", () => {
  it("is active until its end, and only for its key", () => {
    const pauses = new Cooldowns();
    pauses.set(-5, 1000);
    assert.deepEqual(
      [pauses.isActive(-5, 0), pauses.isActive(-5, 999), pauses.isActive(-5, 1000)],
      [true, true, false],
    );
    assert.deepEqual([pauses.isActive(5, 0), pauses.isActive(0, 0)], [false, false]);
  });
  it("can be extended: the last value counts", () => {
    const pauses = new Cooldowns();
    pauses.set(1, 1000);
    pauses.set(1, 2000);
    assert.equal(pauses.isActive(1, 1500), true);
  });
});

describe("a ban and a cooldown", () => {
  const three = (name: string, ports: string, more = "") =>
    `[${name}]\nsequence = ${ports}\nseq_cooldown = 86400\n${more}`;
  const a = three("a", "7000,8000");
  /** What a client can open after it opened door a, or was banned there, and after the reloads. */
  function reloaded(how: "opens" | "scans", ...configs: string[]): string[] {
    const attempts = new Attempts({ isOurs: () => true, isStray: () => true, hashKey: [1, 2] });
    const set = (config: string) =>
      attempts.setDoors(parseConfig(config, "", () => undefined).doors.map((door) => ({ door, targets: undefined })));
    let n = 0;
    const knock = (port: number) =>
      attempts
        .knock(
          toPacket({
            from: "10.77.0.2",
            to: "10.77.0.1",
            protocol: "tcp",
            port,
            flags: ["syn"],
            sourcePort: 40_000,
            seq: ++n,
          }),
          n * 100,
        )
        .flatMap((event) => (event.type === "open" ? [event.door.name] : []));
    set(a);
    const scan = [7000, 1, 2, 3, 4, 5, 6, 7, 8];
    for (const port of how === "scans" ? [...scan, ...scan] : [7000, 8000]) knock(port); // two, because one more try is free
    for (const config of configs) set(config);
    return [7000, 8000, 7100, 8100].flatMap(knock);
  }
  const b = three("b", "7100,8100");

  for (const how of ["opens", "scans"] as const) {
    it(`stay with their door when a reload changes others: it ${how}`, () => {
      assert.deepEqual(reloaded(how, b), ["b"], "a is gone, and its number is b's");
      assert.deepEqual(reloaded(how, b, b + a), ["b"], "a is back");
      assert.deepEqual(reloaded(how, b + a), ["b"], "b stands before it");
      assert.deepEqual(reloaded(how, three("a", "7100,8100")), ["a"], "another door of that name");
      assert.deepEqual(reloaded(how, three("a", "7000,8000", "seq_timeout = 7\ntcpflags = syn\n")), []);
    });
  }

  it("belong to one door only, even if two are alike: one packet opens both", () => {
    const one = "[a]\nsequence = 7000\nseq_cooldown = 9\n";
    assert.deepEqual(reloaded("opens", one + one), ["a", "a"]);
  });
});
