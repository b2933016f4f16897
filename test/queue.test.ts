// Tests the queue of openings: doors take turns, the clients of a door take turns, and the queue has limits.
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { setImmediate as turn } from "node:timers/promises";
import fc from "fast-check";
import { type Exclusion, exclude } from "../src/runner/exclusion.ts";
import { CommandQueue, LogThrottle, type Turn } from "../src/runner/queue.ts";

/** A queue, and the names of those that have begun, in order. */
class Scene {
  readonly line = new CommandQueue();
  readonly begun: string[] = [];
  readonly dismissed: string[] = [];
  readonly #turns = new Map<string, Turn>();

  wait(name: string, given: Partial<Turn> = {}): void {
    const one: Turn = { door: "door", source: name, what: "opened", exclusion: [], ...given };
    this.#turns.set(name, one);
    const waits = this.line.acquire(one);
    if (waits === undefined) this.begun.push(name);
    else void waits.then((begins) => (begins ? this.begun : this.dismissed).push(name));
  }

  async end(name: string): Promise<void> {
    this.line.release(this.#turns.get(name)!);
    await turn();
  }

  async outlast(name: string): Promise<void> {
    this.line.outlast(this.#turns.get(name)!);
    await turn();
  }
}

const names = (count: number, of = "") => Array.from({ length: count }, (_, i) => `${of}${i}`);

describe("the command queue", () => {
  it("runs 64 commands of many doors at once, and the others in order as those end", async () => {
    const scene = new Scene();
    for (const name of names(70)) scene.wait(name, { door: name });
    assert.deepEqual(scene.begun, names(64));
    await scene.end("40");
    await scene.end("3");
    assert.deepEqual(scene.begun, names(66));
  });

  it("reserves eight of the 64 places for idle doors, so that none waits for a flood at another", () => {
    const scene = new Scene();
    for (const name of names(2000, "flood ")) scene.wait(name, { door: "flooded" });
    assert.equal(scene.begun.length, 56);
    for (const name of names(10, "door ")) scene.wait(name, { door: name });
    assert.deepEqual(scene.begun.slice(56), names(8, "door "));
    assert.equal(scene.line.running, 64);
  });

  it("gives a source with 48 places no more of them while others wait at that door", async () => {
    const scene = new Scene();
    for (const name of names(100, "same ")) scene.wait(name, { source: "same" });
    assert.equal(scene.begun.length, 48);
    scene.wait("another");
    assert.equal(scene.begun.at(-1), "another");
    scene.wait("same, at another door", { source: "same", door: "other" });
    assert.equal(scene.begun.at(-1), "same, at another door");
  });

  it("gives the next place to the door that had a turn longest ago", async () => {
    const scene = new Scene();
    for (const name of names(2000, "flood ")) scene.wait(name, { door: "flooded" });
    for (const door of names(8, "door ")) scene.wait(door, { door });
    for (const name of names(3, "other ")) scene.wait(name, { door: "other" });
    for (const name of names(3, "another ")) scene.wait(name, { door: "another" });
    scene.begun.length = 0;
    for (const name of names(4, "door ")) await scene.end(name);
    assert.deepEqual(scene.begun, ["other 0", "another 0"], "of the flooded one, enough run");
  });

  it("gives the turns of a door to its sources in rotation", async () => {
    const scene = new Scene();
    const exclusion = ["ufw"];
    for (const name of names(5, "flood ")) scene.wait(name, { source: "flood", exclusion });
    scene.wait("a", { exclusion });
    scene.wait("b", { exclusion });
    for (const name of ["flood 0", "flood 1", "a", "b"]) await scene.end(name);
    assert.deepEqual(scene.begun, ["flood 0", "flood 1", "a", "b", "flood 2"]);
  });

  it("lets a door wait at most one turn for a program that another door uses, and its closing no longer", async () => {
    const scene = new Scene();
    const exclusion = ["ufw"];
    for (const name of names(5, "flood ")) scene.wait(name, { door: "flooded", exclusion });
    scene.wait("closing", { door: "flooded", exclusion, what: "closed" });
    scene.wait("other", { door: "other", exclusion });
    await scene.end("flood 0");
    assert.deepEqual(scene.begun, ["flood 0", "other"]);
    scene.wait("other 2", { door: "other", exclusion });
    await scene.end("other");
    await scene.end("flood 1");
    await scene.end("other 2");
    assert.deepEqual(scene.begun, ["flood 0", "other", "flood 1", "other 2", "closing"]);
  });

  it("lets no command overtake if that would delay the one before it", async () => {
    const scene = new Scene();
    scene.wait("a", { door: "a", exclusion: ["x"] });
    scene.wait("all", { door: "b", exclusion: "all" });
    scene.wait("c", { door: "c", exclusion: ["y"] });
    scene.wait("free", { door: "d" });
    assert.deepEqual(scene.begun, ["a", "free"]);
    await scene.end("a");
    assert.deepEqual(scene.begun, ["a", "free", "all"]);
    await scene.end("all");
    assert.deepEqual(scene.begun, ["a", "free", "all", "c"]);
  });

  it("gives the place and the program of a slow command to others, for a limited number", async () => {
    const scene = new Scene();
    scene.wait("long", { exclusion: ["x"] });
    scene.wait("next", { exclusion: ["x"] });
    await scene.outlast("long");
    assert.deepEqual(scene.begun, ["long", "next"]);
    await scene.end("next");
    await scene.end("long");
    assert.equal(scene.line.running, 0);
    for (const name of names(2000)) {
      scene.wait(name);
      if (scene.begun.includes(name)) await scene.outlast(name);
    }
    assert.equal(scene.begun.length - 2, 1024 - 128 + 56, "of one door");
    for (const name of names(80, "other ")) {
      scene.wait(name, { door: "other" });
      if (scene.begun.includes(name)) await scene.outlast(name);
    }
    assert.ok(scene.begun.includes("other 15"), "of another door some more");
    const before = scene.begun.length;
    for (const name of names(20)) await scene.end(name);
    assert.equal(scene.begun.length, before + 3, "those that have taken long since then make room, too");
  });

  it("drops those that wait to open, and all when it is closed", async () => {
    const scene = new Scene();
    scene.wait("runs", { exclusion: "all" });
    scene.wait("opens", { exclusion: "all" });
    scene.wait("closes", { exclusion: "all", what: "closed" });
    scene.wait("closes too", { exclusion: "all", what: "closed" });
    scene.line.dismiss("opened");
    await scene.end("runs");
    assert.deepEqual([scene.begun, scene.dismissed], [["runs", "closes"], ["opens"]]);
    scene.line.close();
    scene.wait("late");
    await scene.end("closes");
    assert.deepEqual([scene.begun.length, scene.dismissed], [2, ["opens", "closes too", "late"]]);
  });

  it("never runs two exclusive commands together, starts all, and returns all places", async () => {
    const exclusion = fc.constantFrom<Exclusion>([], ["x"], ["x", "y"], ["y"], "all");
    const what = fc.constantFrom<Turn["what"]>("opened", "closed");
    const one = fc.record({ door: fc.constantFrom("a", "b", "c"), source: fc.constantFrom("s", "t"), what, exclusion });
    const step = fc.oneof(one, fc.nat(100));
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 300 }), async (steps) => {
        const line = new CommandQueue();
        const running: Turn[] = [];
        let waiting = 0;
        const begin = (turn: Turn) => {
          waiting--;
          assert.ok(!running.some((other) => exclude(other.exclusion, turn.exclusion)));
          running.push(turn);
          assert.ok(running.length <= 64);
        };
        const end = async (i: number) => {
          line.release(running.splice(i % running.length, 1)[0]!);
          await turn();
        };
        for (const given of steps) {
          if (typeof given === "number") {
            if (running.length > 0) await end(given);
            continue;
          }
          const mine = { ...given };
          waiting++;
          const waits = line.acquire(mine);
          if (waits === undefined) begin(mine);
          else void waits.then(() => begin(mine));
        }
        await turn();
        while (running.length > 0) await end(0);
        assert.deepEqual([waiting, line.running], [0, 0]);
      }),
      { numRuns: 50 },
    );
  });

  it("merges waiting openings when it is long, and refuses a door that has filled it; others have room", () => {
    const { line } = new Scene();
    const joined = (key: string, door = "door") => line.join(door, key);
    for (let i = 0; i < 1023; i++) assert.equal(joined("often"), "waits");
    assert.equal(joined("a"), "waits");
    assert.equal(joined("a"), "merged");
    for (let i = 1024; i < 14_336; i++) assert.equal(joined(`${i}`), "waits");
    assert.equal(joined("b"), "refused");
    assert.equal(joined("a"), "merged");
    assert.equal(line.length, 14_336);
    for (let i = 0; i < 256; i++) assert.equal(joined(`other ${i}`, "other"), "waits");
    assert.equal(joined("b", "other"), "refused");
    line.leave("door", "a");
    assert.equal(joined("a", "third"), "waits");
  });
});

it("a throttled report is written immediately, and then at most once a second", () => {
  const told: number[] = [];
  const tally = new LogThrottle();
  for (const at of [5, 5, 5.9, 6, 6.5, 100]) tally.add(at, (count) => told.push(count));
  assert.deepEqual(told, [1, 3, 2]);
});
