import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { setImmediate as turn } from "node:timers/promises";
import { parseAddress } from "../src/address.ts";
import { DEFAULT_POLICY, type Door } from "../src/config/door.ts";
import { Doorkeeper } from "../src/doors/doorkeeper.ts";

const IPV4 = parseAddress("10.77.0.2")!;
const IPV6 = parseAddress("fd77::2")!;

const DOOR: Door = {
  name: "door",
  sequence: [],
  oneTimeSequences: undefined,
  seqTimeout: 25,
  tcpFlags: { set: 0, clear: 0 },
  target: undefined,
  startCommand: "start %IP%",
  stopCommand: "stop %IP%",
  startCommand6: undefined,
  stopCommand6: undefined,
  cmdTimeout: 10,
  policy: DEFAULT_POLICY,
};

/** A doorkeeper whose commands and timers end when the test says so. */
class House {
  /** All that was said and done, in order; a line of failure begins with an exclamation mark. */
  readonly seen: string[] = [];
  readonly #commands = new Map<string, { resolve(status: number): void; reject(error: Error): void }>();
  #timers: { seconds: number; callback: () => void }[] = [];
  readonly keeper = new Doorkeeper({
    run: (command) => {
      this.seen.push(`$ ${command}`);
      return new Promise((resolve, reject) => this.#commands.set(command, { resolve, reject }));
    },
    after: (seconds, callback) => {
      const timer = { seconds, callback };
      this.#timers.push(timer);
      return { cancel: () => void (this.#timers = this.#timers.filter((one) => one !== timer)) };
    },
    tell: {
      event: (_, line) => void this.seen.push(line("WHO")),
      failure: (_, line) => void this.seen.push(`! ${line("WHO")}`),
    },
  });

  /** The seconds that each timer waits. */
  get waiting(): number[] {
    return this.#timers.map(({ seconds }) => seconds);
  }

  open(door: Partial<Door> = {}, knocker = IPV4): void {
    this.keeper.open({ ...DOOR, ...door }, knocker);
  }

  async end(command: string, how: number | Error = 0): Promise<void> {
    const { resolve, reject } = this.#commands.get(command)!;
    this.#commands.delete(command);
    if (typeof how === "number") resolve(how);
    else reject(how);
    await turn();
  }

  /** The time of the timer that was set first comes. */
  async elapse(): Promise<void> {
    this.#timers.shift()!.callback();
    await turn();
  }
}

const running = (command: string) => [`door: running command: ${command}`, `$ ${command}`];

describe("a doorkeeper", () => {
  const both = { startCommand: "start", stopCommand: "stop" };
  const cases: [what: string, door: Partial<Door>, ipv4: string[], ipv6: string[]][] = [
    ["only the IPv4 commands: for both families", both, ["start", "stop"], ["start", "stop"]],
    [
      "commands for each family: each for its own",
      { ...both, startCommand6: "start6", stopCommand6: "stop6" },
      ["start", "stop"],
      ["start6", "stop6"],
    ],
    [
      "a start command for IPv6 only",
      { startCommand: undefined, stopCommand: undefined, startCommand6: "start6" },
      [],
      ["start6"],
    ],
    ["an empty start command for IPv6: nothing there", { ...both, startCommand6: "" }, ["start", "stop"], []],
    [
      "an empty stop command for IPv6: the door stays open there",
      { ...both, stopCommand6: "" },
      ["start", "stop"],
      ["start"],
    ],
    [
      "a stop command of its own for IPv6 only",
      { ...both, stopCommand6: "stop6" },
      ["start", "stop"],
      ["start", "stop6"],
    ],
    ["no stop command", { startCommand: "start", stopCommand: undefined }, ["start"], ["start"]],
    ["an empty stop command", { startCommand: "start", stopCommand: "" }, ["start"], ["start"]],
    ["no start command: no stop command either", { ...both, startCommand: undefined }, [], []],
    ["an empty start command: no stop command either", { ...both, startCommand: "" }, [], []],
    ["no command at all", { startCommand: undefined, stopCommand: undefined }, [], []],
  ];
  for (const [what, door, ipv4, ipv6] of cases) {
    it(`runs of a door with ${what}`, async () => {
      for (const [knocker, [start, stop]] of [
        [IPV4, ipv4],
        [IPV6, ipv6],
      ] as const) {
        const house = new House();
        house.open(door, knocker);
        assert.deepEqual(house.seen.splice(0), start ? running(start) : []);
        if (start) await house.end(start);
        assert.deepEqual(house.waiting, stop ? [10] : []);
        if (!stop) continue;
        await house.elapse();
        assert.deepEqual(house.seen, ["WHO: door: command timeout", ...running(stop)]);
      }
    });
  }

  it("fills in the knocker's address, each time and in both commands", async () => {
    const house = new House();
    house.open({ startCommand: "%IP% $& %IP%" }, IPV6);
    await house.end("fd77::2 $& fd77::2");
    await house.elapse();
    assert.deepEqual(house.seen, [
      ...running("fd77::2 $& fd77::2"),
      "WHO: door: command timeout",
      ...running("stop fd77::2"),
    ]);
  });

  it("waits Cmd_Timeout from the end of the start command, not from its beginning", async () => {
    const house = new House();
    house.open({ cmdTimeout: 7 });
    await turn();
    assert.deepEqual(house.waiting, []);
    await house.end("start 10.77.0.2");
    assert.deepEqual(house.waiting, [7]);
    await house.elapse();
    await house.end("stop 10.77.0.2");
    assert.deepEqual(house.waiting, []);
  });

  it("tells how a command failed, and closes in time all the same", async () => {
    for (const [how, line] of [
      [3, "! door: command returned non-zero status code (3)"],
      [137, "! door: command returned non-zero status code (137)"],
      [new Error("spawn E2BIG"), "! door: could not run command: spawn E2BIG"],
    ] as const) {
      const house = new House();
      house.open();
      await house.end("start 10.77.0.2", how);
      assert.deepEqual(house.seen.splice(0), [...running("start 10.77.0.2"), line]);
      await house.elapse();
      await house.end("stop 10.77.0.2", how);
      assert.deepEqual(house.seen, ["WHO: door: command timeout", ...running("stop 10.77.0.2"), line]);
    }
  });

  it("lets no door wait for another one, nor a knocker for another one at the same door", async () => {
    const house = new House();
    house.open({ cmdTimeout: 1 }, IPV4);
    house.open({ cmdTimeout: 2 }, IPV6);
    house.open({ name: "other", startCommand: "other", stopCommand: "close other", cmdTimeout: 3 });
    await house.end("other");
    await house.end("start fd77::2");
    assert.deepEqual(house.waiting, [3, 2]);
    await house.elapse();
    assert.equal(house.seen.at(-1), "$ close other");
    await house.end("start 10.77.0.2");
    assert.deepEqual(house.waiting, [2, 1]);
  });
});

describe("a doorkeeper that leaves", () => {
  /** Whether it has left, as far as promises can tell. */
  function leaving(house: House): { left: boolean } {
    const state = { left: false };
    void house.keeper.leave().then(() => {
      state.left = true;
    });
    return state;
  }

  it("has nothing to wait for when nothing is open and nothing runs", async () => {
    const house = new House();
    house.open({ stopCommand: undefined });
    await house.end("start 10.77.0.2");
    await house.keeper.leave();
  });

  it("closes at once what is open, without a word of a timeout, and waits until that has ended", async () => {
    const house = new House();
    for (const knocker of [IPV4, IPV6]) {
      house.open({}, knocker);
      await house.end(knocker === IPV4 ? "start 10.77.0.2" : "start fd77::2");
    }
    house.seen.length = 0;
    const state = leaving(house);
    assert.deepEqual(house.seen, [...running("stop 10.77.0.2"), ...running("stop fd77::2")]);
    assert.deepEqual(house.waiting, []);
    await house.end("stop 10.77.0.2", 1);
    assert.equal(state.left, false);
    await house.end("stop fd77::2");
    assert.equal(state.left, true);
  });

  it("waits for a start command that still runs, and closes its door right after", async () => {
    const house = new House();
    house.open();
    house.open({ stopCommand: undefined, startCommand: "forever" });
    house.seen.length = 0;
    const state = leaving(house);
    assert.deepEqual(house.seen, []);
    await house.end("start 10.77.0.2", new Error("spawn EAGAIN"));
    assert.deepEqual(house.seen, ["! door: could not run command: spawn EAGAIN", ...running("stop 10.77.0.2")]);
    assert.deepEqual(house.waiting, []);
    await house.end("stop 10.77.0.2");
    assert.equal(state.left, false);
    await house.end("forever");
    assert.equal(state.left, true);
  });

  it("waits for a stop command that has begun in its time, and does not run it again", async () => {
    const house = new House();
    house.open();
    await house.end("start 10.77.0.2");
    await house.elapse();
    house.seen.length = 0;
    const state = leaving(house);
    await turn();
    assert.deepEqual([house.seen, state.left], [[], false]);
    await house.end("stop 10.77.0.2");
    assert.equal(state.left, true);
  });
});
