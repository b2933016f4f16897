import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { Answer } from "../src/control/protocol.ts";
import { doorTable, secretLines } from "../src/knockctl/door-table.ts";

type DoorAnswer = Extract<Answer, { type: "door" }>;
const door = (name: string, more: Partial<DoorAnswer> = {}): DoorAnswer => ({
  type: "door",
  door: name,
  oneTime: false,
  knocks: 3,
  seqTimeout: 10,
  closesAfter: 30,
  openings: 0,
  ...more,
});
const open = (name: string, ip: string, left: number | null = 21): Answer => ({ type: "open", door: name, ip, left });
const rows = (text: string) =>
  text
    .split("\n")
    .slice(1, -1)
    .filter((line) => line.trim() !== "AFTER") // a header in two lines
    .map((line) => line.split(/ {2,}/).join(" | "));

describe("the table of doors", () => {
  it("shows for whom a door is open and for how long", () => {
    assert.equal(
      doorTable([door("openSSH"), open("openSSH", "192.0.2.7")]),
      "DOOR     TRIGGER   TIMEOUT  CLOSES AFTER  OPEN FOR\nopenSSH  3 knocks  10 s     30 s          192.0.2.7 (21 s left)\n",
    );
    assert.deepEqual(rows(doorTable([door("a"), open("a", "::1", null)])), [
      "a | 3 knocks | 10 s | 30 s | ::1 (opening or closing now)",
    ]);
  });

  it("shows how often a door without a stop command has opened, and that it stays open", () => {
    assert.deepEqual(
      rows(doorTable([door("a", { closesAfter: null }), door("b", { closesAfter: null, openings: 1 })])),
      ["a | 3 knocks | 10 s | never | -", "b | 3 knocks | 10 s | never | opened 1 time; stays open: no stop command"],
    );
    assert.deepEqual(rows(doorTable([door("c", { openings: 4 })])), ["c | 3 knocks | 10 s | 30 s | -"]);
  });

  it("has a column for targets if a door has one, and names one-time sequences", () => {
    const text = doorTable([door("a", { target: "192.0.2.9", oneTime: true }), door("b")]);
    assert.match(text, /^DOOR +TRIGGER +TIMEOUT +TARGET /);
    assert.deepEqual(rows(text), [
      "a | 3 knocks, one-time | 10 s | 192.0.2.9 | 30 s | -",
      "b | 3 knocks | 10 s | - | 30 s | -",
    ]);
  });

  it("keeps a door that is open but no longer in the config", () => {
    assert.deepEqual(rows(doorTable([open("gone", "192.0.2.7")])), [
      "gone | not in config | - | - | 192.0.2.7 (21 s left)",
    ]);
  });

  it("counts a door's clients whose names are left out, and says if doors are left out", () => {
    const [text] = rows(doorTable([door("a", { knocks: 0, clients: ["ann", "bob"], moreClients: 9998 })]));
    assert.equal(text, "a | codes of 10000 clients | 10 s | 30 s | -");
    assert.equal(doorTable([{ type: "more", of: "door", count: 2 }]), "and 2 more doors\n");
  });

  it("shows open doors first if it shows only some, and the number of the others", () => {
    const all = ["a", "b", "c"].map((name) => door(name));
    const text = doorTable([...all, open("c", "192.0.2.7"), open("c", "192.0.2.8")], { mostDoors: 2, mostOpen: 1 });
    assert.match(
      text,
      /^c .* 192\.0\.2\.7 \(21 s left\)\n +and 1 more address\na .*\nand 1 more door: knockctl doors lists them\n$/m,
    );
    const more: Answer[] = [
      { type: "more", of: "door", count: 5 },
      { type: "more", of: "open", count: 7 },
    ];
    assert.match(doorTable([...all, ...more]), /\nand 5 more doors\nand 7 more openings\n$/);
  });

  it("is empty without doors", () => assert.equal(doorTable([]), ""));
});

it("secrets are listed by directive, and commands are not wrapped", () => {
  const startCommand = `iptables ${"-j X ".repeat(30)}%IP%`;
  const secrets = { sequence: "7000:tcp", tcpFlags: "", startCommand };
  assert.equal(
    secretLines([door("a", { secrets }), door("b")]),
    `\na\n  Sequence        7000:tcp\n  Start_Command   ${startCommand}\n`,
  );
});
