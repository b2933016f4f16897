import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { setImmediate as turn } from "node:timers/promises";
import { DEFAULT_POLICY, type Door } from "../src/config/door.ts";
import { Doorkeeper } from "../src/doors/doorkeeper.ts";
import type { LedgerEntry } from "../src/doors/ledger-entry.ts";
import type { DoorEvent } from "../src/events/door-event.ts";
import { doorEventLine } from "../src/log/messages.ts";
import { formatAddress, parseAddress } from "../src/net/address.ts";
import type { CommandEnd } from "../src/runner/command.ts";
import { LONG_SECONDS } from "../src/runner/runner.ts";
import { doorOf } from "./door.ts";

const IPV4 = parseAddress("10.77.0.2")!;
const IPV6 = parseAddress("fd77::2")!;

const DOOR = doorOf({
  name: "door",
  startCommand: "start %IP%",
  stopCommand: "stop %IP%",
  policy: { ...DEFAULT_POLICY, parallel: true },
});

/** A doorkeeper whose commands and timers end when the test says so. */
/** Prefixes of lines about failures (`!`), and of lines that standard error already has (`~`). */
const MARKS: Partial<Record<DoorEvent["type"], string>> = {
  "command not started": "! ",
  "command failed": "! ",
  "command stderr": "~ ",
  "command takes long": "! ",
  "command killed": "! ",
  merged: "! ",
  refused: "! ",
  full: "! ",
};

class House {
  /** All messages and actions, in order. A line about a failure begins with an exclamation mark. */
  readonly seen: string[] = [];
  /** The open doors, as the disk would contain them. */
  readonly ledger = new Map<number, { stopCommand: string; seconds: number; parallel?: boolean | undefined }>();
  readonly marked = new Set<number>();
  readonly markers: string[] = [];
  /** Seconds. */
  now = 1000;
  #lastId = 0;
  readonly #commands = new Map<string, { resolve(ended: CommandEnd): void; reject(error: Error): void }>();
  #timers: { seconds: number; callback: () => void }[] = [];
  readonly keeper = new Doorkeeper({
    now: () => this.now,
    ledger: {
      add: (entry, seconds) => {
        const added = { ...entry, id: ++this.#lastId, due: { wall: 0, boot: 0, bootId: "" } };
        const { stopCommand, parallel } = entry;
        this.ledger.set(added.id, { stopCommand, seconds, ...(parallel === true ? {} : { parallel }) });
        return added;
      },
      move: (ids, seconds) => {
        for (const id of ids) Object.assign(this.ledger.get(id)!, { seconds });
      },
      remove: (id) => {
        this.ledger.delete(id);
        this.marked.delete(id);
      },
      save: () => undefined,
      marker: (id) => `marker ${id}`,
      isMarked: (id) => this.marked.has(id),
    },
    run: (command, marker, onStart) => {
      if (marker !== undefined) this.markers.push(marker);
      onStart?.(() => void this.seen.push(`ended: ${command}`));
      this.seen.push(`$ ${command}`);
      return new Promise((resolve, reject) => this.#commands.set(command, { resolve, reject }));
    },
    after: (seconds, callback) => {
      const timer = { seconds, callback };
      this.#timers.push(timer);
      return { cancel: () => void (this.#timers = this.#timers.filter((one) => one !== timer)) };
    },
    onEvent: (event) => {
      if (event.type === "command ended") return;
      this.seen.push(`${MARKS[event.type] ?? ""}${doorEventLine(event, "WHO")}`);
    },
  });

  get timers(): number {
    return this.#timers.length;
  }

  /** The seconds of each timer, except those of commands that may take long. */
  get waiting(): number[] {
    return this.#timers.filter(({ seconds }) => seconds !== LONG_SECONDS).map(({ seconds }) => seconds);
  }

  open(door: Partial<Door> = {}, knocker = IPV4): void {
    this.keeper.open({ ...DOOR, ...door }, knocker);
  }

  async end(command: string, how: number | Error = 0, stderrHead = ""): Promise<void> {
    const { resolve, reject } = this.#commands.get(command)!;
    this.#commands.delete(command);
    if (typeof how === "number") resolve({ status: how, stderrHead });
    else reject(how);
    await turn();
  }

  /** Runs the timer that was set first, among those of commands that may take long or among the others. */
  async elapse(long = false): Promise<void> {
    const next = this.#timers.find(({ seconds }) => (seconds === LONG_SECONDS) === long)!;
    this.#timers = this.#timers.filter((one) => one !== next);
    next.callback();
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
    it(`runs for a door with ${what}`, async () => {
      for (const [knocker, [start, stop]] of [
        [IPV4, ipv4],
        [IPV6, ipv6],
      ] as const) {
        const doorService = new House();
        doorService.open(door, knocker);
        assert.deepEqual(doorService.seen.splice(0), start ? running(start) : []);
        if (start) await doorService.end(start);
        assert.deepEqual(doorService.waiting, stop ? [10] : []);
        if (!stop) continue;
        await doorService.elapse();
        assert.deepEqual(doorService.seen, ["WHO: door: command timeout", ...running(stop)]);
      }
    });
  }

  it("inserts the client's address into both commands, each time", async () => {
    const doorService = new House();
    doorService.open({ startCommand: "%IP% $& %IP%" }, IPV6);
    await doorService.end("fd77::2 $& fd77::2");
    await doorService.elapse();
    assert.deepEqual(doorService.seen, [
      ...running("fd77::2 $& fd77::2"),
      "WHO: door: command timeout",
      ...running("stop fd77::2"),
    ]);
  });

  it("waits Cmd_Timeout from the end of the start command, not from its beginning", async () => {
    const doorService = new House();
    doorService.open({ cmdTimeout: 7 });
    await turn();
    assert.deepEqual(doorService.waiting, []);
    await doorService.end("start 10.77.0.2");
    assert.deepEqual(doorService.waiting, [7]);
    await doorService.elapse();
    await doorService.end("stop 10.77.0.2");
    assert.deepEqual(doorService.waiting, []);
  });

  it("reports how a command failed, with its standard error, and still closes on time", async () => {
    for (const [how, stderrHead, told] of [
      [3, "", ["! door: command returned non-zero status code (3)"]],
      [137, "no\n", ["! door: command returned non-zero status code (137)", "~ door: command said: no"]],
      [0, "a warning\n", []],
    ] as const) {
      const doorService = new House();
      doorService.open();
      await doorService.end("start 10.77.0.2", how, stderrHead);
      assert.deepEqual(doorService.seen.splice(0), [...running("start 10.77.0.2"), ...told]);
      await doorService.elapse();
      await doorService.end("stop 10.77.0.2", how, stderrHead);
      assert.deepEqual(doorService.seen, ["WHO: door: command timeout", ...running("stop 10.77.0.2"), ...told]);
      assert.deepEqual([doorService.waiting, doorService.ledger.size], [[], 0]);
    }
  });

  const refused = new Error("spawn EAGAIN");
  const couldNotRun = "! door: could not run command: spawn EAGAIN";

  it("retries a stop command that could not be started, because the door is open", async () => {
    const doorService = new House();
    doorService.open();
    await doorService.end("start 10.77.0.2");
    await doorService.elapse();
    doorService.seen.length = 0;
    await doorService.end("stop 10.77.0.2", refused);
    assert.deepEqual([doorService.seen, doorService.waiting, doorService.ledger.size], [[couldNotRun], [5], 1]);
    await doorService.elapse();
    await doorService.end("stop 10.77.0.2");
    assert.deepEqual([doorService.waiting, doorService.ledger.size], [[], 0]);
  });

  it("runs one stop command for each start command that was started, and none for others", async () => {
    const doorService = new House();
    doorService.open();
    await doorService.end("start 10.77.0.2", refused);
    assert.deepEqual([doorService.seen.at(-1), doorService.waiting], [couldNotRun, []]);
    assert.deepEqual([doorService.keeper.size, doorService.ledger.size], [0, 0]);
    doorService.open();
    await doorService.end("start 10.77.0.2");
    doorService.open();
    await doorService.end("start 10.77.0.2", refused);
    assert.deepEqual([doorService.waiting, doorService.keeper.size, doorService.ledger.size], [[10], 1, 1]);
    doorService.seen.length = 0;
    await doorService.elapse();
    await doorService.end("stop 10.77.0.2");
    assert.deepEqual(doorService.seen, ["WHO: door: command timeout", ...running("stop 10.77.0.2")]);
    assert.deepEqual([doorService.waiting, doorService.ledger.size], [[], 0]);
  });

  it("lets neither doors nor clients of the same door wait for each other", async () => {
    const doorService = new House();
    doorService.open({ cmdTimeout: 1 }, IPV4);
    doorService.open({ cmdTimeout: 2 }, IPV6);
    doorService.open({ name: "other", startCommand: "other", stopCommand: "close other", cmdTimeout: 3 });
    await doorService.end("other");
    await doorService.end("start fd77::2");
    assert.deepEqual(doorService.waiting, [3, 2]);
    await doorService.elapse();
    assert.equal(doorService.seen.at(-1), "$ close other");
    await doorService.end("start 10.77.0.2");
    assert.deepEqual(doorService.waiting, [2, 1]);
  });
});

describe("a knock at a door that is open", () => {
  const start = "start 10.77.0.2";
  const stop = "stop 10.77.0.2";

  it("runs the start command again, and closes once at the later time, with a stop command for each", async () => {
    const doorService = new House();
    doorService.open({ cmdTimeout: 10 });
    await doorService.end(start);
    doorService.now += 4;
    doorService.open({ cmdTimeout: 10 });
    await doorService.end(start);
    assert.deepEqual(doorService.waiting, [10]);
    doorService.seen.length = 0;
    await doorService.elapse();
    assert.deepEqual(doorService.seen.splice(0), ["WHO: door: command timeout", ...running(stop)]);
    await doorService.end(stop);
    assert.deepEqual(doorService.seen, running(stop));
    await doorService.end(stop);
    assert.deepEqual([doorService.waiting, doorService.ledger.size, doorService.keeper.size], [[], 0, 0]);
  });

  it("does not close it earlier", async () => {
    const doorService = new House();
    doorService.open({ cmdTimeout: 100 });
    await doorService.end(start);
    doorService.open({ cmdTimeout: 1 });
    await doorService.end(start);
    assert.deepEqual(doorService.waiting, [100]);
  });

  it("with Reknock = extend runs nothing, and closes it later", async () => {
    const doorService = new House();
    const policy = { ...DOOR.policy, reknock: "extend" } as const;
    doorService.open({ policy });
    await doorService.end(start);
    doorService.seen.length = 0;
    doorService.now += 4;
    doorService.open({ policy, cmdTimeout: 12 });
    await turn();
    assert.deepEqual([doorService.seen, doorService.waiting], [[], [12]]);
    assert.deepEqual([...doorService.ledger.values()], [{ stopCommand: stop, seconds: 12 }]);
    await doorService.elapse();
    await doorService.end(stop);
    assert.deepEqual(doorService.waiting, []);
  });

  it("runs at most 64 start commands, which is reported once; further knocks only extend the time", async () => {
    const doorService = new House();
    for (let i = 0; i < 70; i++) doorService.open();
    for (let i = 0; i < 64; i++) await doorService.end(start);
    const told = "WHO: door: opened 64 times; further knocks only extend the time";
    const count = (line: string) => doorService.seen.filter((one) => one === line).length;
    assert.deepEqual([count(`$ ${start}`), count(told), doorService.ledger.size], [64, 1, 64]);
    doorService.now += 5;
    for (let i = 0; i < 1000; i++) doorService.open({ cmdTimeout: 20 });
    assert.deepEqual(
      [count(`$ ${start}`), count(told), doorService.ledger.size, doorService.waiting],
      [64, 1, 64, [20]],
    );
    assert.ok([...doorService.ledger.values()].every(({ seconds }) => seconds === 20));
    await doorService.elapse();
    for (let i = 0; i < 64; i++) await doorService.end(stop);
    assert.deepEqual([doorService.ledger.size, doorService.waiting, doorService.keeper.size], [0, [], 0]);
    doorService.open();
    assert.equal(count(`$ ${start}`), 65);
  });

  it("waits for commands that still run there: start and stop commands never overlap", async () => {
    const doorService = new House();
    doorService.open();
    doorService.open();
    assert.deepEqual(doorService.seen.splice(0), running(start));
    await doorService.end(start);
    assert.deepEqual(doorService.seen.splice(0), running(start));
    await doorService.end(start);
    await doorService.elapse();
    doorService.seen.length = 0;
    doorService.open(); // while it closes
    await turn();
    await doorService.end(stop);
    assert.deepEqual(doorService.seen.splice(0), running(stop));
    await doorService.end(stop);
    assert.deepEqual(doorService.seen.splice(0), running(start));
    await doorService.end(start);
    assert.deepEqual(doorService.waiting, [10]);
  });
});

it("a knock at a door without a stop command never waits", async () => {
  const doorService = new House();
  for (let i = 0; i < 3; i++) doorService.open({ stopCommand: undefined });
  await turn();
  assert.equal(doorService.seen.filter((line) => line === "$ start 10.77.0.2").length, 3);
});

describe("the ledger", () => {
  it("contains the stop command before the start command runs and until the stop command has run, with a marker", async () => {
    const doorService = new House();
    doorService.open({ cmdTimeout: 7 });
    assert.deepEqual([...doorService.ledger.values()], [{ stopCommand: "stop 10.77.0.2", seconds: 7 }]);
    await doorService.end("start 10.77.0.2");
    assert.deepEqual(doorService.markers, []);
    await doorService.elapse();
    assert.equal(doorService.ledger.size, 1);
    assert.deepEqual(doorService.markers, ["marker 1"]);
    await doorService.end("stop 10.77.0.2");
    assert.equal(doorService.ledger.size, 0);
  });

  it("restores doors that an earlier run left open, and closes overdue ones immediately", async () => {
    const doorService = new House();
    const left = (id: number, ip: string, seconds: number): LedgerEntry => ({
      id,
      ip,
      door: "gone",
      stopCommand: `stop ${ip}`,
      commandTimeout: 0,
      parallel: true,
      due: { wall: Date.now() + seconds * 1000, boot: 0, bootId: "another boot" },
    });
    doorService.marked.add(3);
    doorService.keeper.recover([left(1, "10.77.0.2", -5), left(2, "fd77::2", 3600), left(3, "10.77.0.3", -5)]);
    assert.equal(doorService.keeper.size, 2);
    assert.equal(doorService.waiting[0], 0);
    assert.ok(doorService.waiting[1]! > 3590 && doorService.waiting[1]! <= 3600);
    await doorService.elapse();
    assert.deepEqual(doorService.seen, [
      "WHO: gone: command timeout",
      "gone: running command: stop 10.77.0.2",
      "$ stop 10.77.0.2",
    ]);
    assert.equal(doorService.marked.size, 0);
  });
});

describe("a command that hangs", () => {
  it("is killed after Command_Timeout, which is reported", async () => {
    const doorService = new House();
    doorService.open({ stopCommand: undefined, policy: { ...DOOR.policy, commandTimeout: 30 } });
    assert.deepEqual(doorService.waiting, [30]);
    doorService.seen.length = 0;
    await doorService.elapse();
    assert.deepEqual(doorService.seen, [
      "! door: command still running after 30 seconds, killing it",
      "ended: start 10.77.0.2",
    ]);
    await doorService.end("start 10.77.0.2", 143);
  });

  it("is not killed by default: after 60 seconds it is reported once, and its place and program become free", async () => {
    const doorService = new House();
    const door = { stopCommand: undefined, policy: DEFAULT_POLICY };
    doorService.open({ ...door, startCommand: "ufw long" });
    doorService.open({ ...door, startCommand: "ufw next" }, IPV6);
    doorService.seen.length = 0;
    await doorService.elapse(true);
    assert.deepEqual(doorService.seen, ["! door: command still running after 60 seconds", ...running("ufw next")]);
    await doorService.end("ufw next");
    assert.deepEqual(doorService.timers, 0);
    await doorService.end("ufw long", 3);
    assert.equal(doorService.seen.at(-1), "! door: command returned non-zero status code (3)");
  });

  it("is reported, and killed later, with a Command_Timeout of more than 60 seconds", async () => {
    const doorService = new House();
    doorService.open({ stopCommand: undefined, policy: { ...DOOR.policy, commandTimeout: 90 } });
    doorService.seen.length = 0;
    await doorService.elapse(true);
    await doorService.elapse();
    assert.deepEqual(doorService.seen, [
      "! door: command still running after 60 seconds",
      "! door: command still running after 90 seconds, killing it",
      "ended: start 10.77.0.2",
    ]);
  });

  it("is forgotten when it ends by itself", async () => {
    const doorService = new House();
    doorService.open({ stopCommand: undefined, policy: { ...DOOR.policy, commandTimeout: 30 } });
    await doorService.end("start 10.77.0.2");
    assert.deepEqual(doorService.waiting, []);
  });
});

describe("with many commands", () => {
  it("64 run at once, and the others follow in order", async () => {
    const doorService = new House();
    for (let i = 0; i < 100; i++)
      doorService.open({ stopCommand: undefined, startCommand: `start ${i}`, name: `door ${i}` });
    await turn();
    const ran = () => doorService.seen.filter((line) => line.startsWith("$ ")).map((line) => Number(line.slice(8)));
    assert.deepEqual(ran(), [...Array(64).keys()]);
    await doorService.end("start 40");
    await doorService.end("start 3");
    assert.deepEqual(ran(), [...Array(66).keys()]);
  });
});

describe("with very many commands", () => {
  it("a single client at a door whose start command hangs does not exceed the limit", async () => {
    const doorService = new House();
    for (let i = 0; i < 20_000; i++) doorService.open();
    assert.equal(doorService.seen.filter((line) => line.startsWith("! ")).length, 1);
  });

  it("waiting clients are not queued again, and no one is queued beyond the limit; reported once a second", async () => {
    const doorService = new House();
    const knocker = (i: number) => parseAddress(`10.${i >> 16}.${(i >> 8) & 255}.${i & 255}`)!;
    const open = (i: number) => doorService.open({ stopCommand: undefined }, knocker(i));
    const told = () => doorService.seen.filter((line) => line.startsWith("! "));
    for (let i = 0; i < 56 + 1024; i++) open(i);
    for (let i = 0; i < 10; i++) open(1000); // the client that waits
    assert.deepEqual(told(), ["! door: 1024 commands are waiting: 1 more opening merged"]);
    for (let i = 0; i < 20_000; i++) open(10_000 + i);
    assert.deepEqual(told().slice(1), ["! door: 14336 commands are waiting: 1 more opening refused"]);
    doorService.now += 1;
    open(50_000);
    open(1000);
    assert.deepEqual(told().slice(2), [
      `! door: 14336 commands are waiting: ${20_000 - (14_336 - 1024)} more openings refused`,
      "! door: 14336 commands are waiting: 10 more openings merged",
    ]);
    doorService.seen.length = 0;
    await doorService.end("start 10.0.0.0");
    assert.deepEqual(
      doorService.seen.filter((line) => line.startsWith("$ ")),
      ["$ start 10.0.0.56"],
    );
  });

  it("a door gets only its share: another door opens, and clients that wait there are not refused", async () => {
    const doorService = new House();
    const knocker = (i: number) => parseAddress(`10.${i >> 16}.${(i >> 8) & 255}.${i & 255}`)!;
    for (let i = 0; i < 20_000; i++) doorService.open({ stopCommand: undefined }, knocker(i));
    doorService.seen.length = 0;
    doorService.open({ name: "other", startCommand: "other" });
    assert.deepEqual(doorService.seen, ["other: running command: other", "$ other"]);
  });

  it("doors get only their share of the open doors that can be remembered", async () => {
    const doorService = new House();
    const knocker = (i: number) => parseAddress(`10.${i >> 16}.${(i >> 8) & 255}.${i & 255}`)!;
    const left = (i: number): LedgerEntry => ({
      id: i,
      ip: formatAddress(knocker(i)),
      door: "door",
      stopCommand: "stop",
      commandTimeout: 0,
      due: { wall: Date.now() + 3_600_000, boot: 0, bootId: "another boot" },
    });
    doorService.keeper.recover(Array.from({ length: 57_344 }, (_, i) => left(i + 1)));
    doorService.open();
    assert.deepEqual(doorService.seen, ["! door: 57344 doors are open: 1 more opening refused"]);
    doorService.open({ name: "other" });
    assert.equal(doorService.seen.at(-1), "$ start 10.77.0.2");
  });
});

describe("commands that may not be safe to run in parallel", () => {
  const byProgram = { policy: { ...DOOR.policy, parallel: undefined }, stopCommand: undefined };
  const ran = (doorService: House) =>
    doorService.seen.filter((line) => line.startsWith("$ ")).map((line) => line.slice(2));

  it("run one after the other if they use the same program", async () => {
    const doorService = new House();
    doorService.open({ ...byProgram, startCommand: "ufw a" }, IPV4);
    doorService.open({ ...byProgram, startCommand: "sudo /usr/sbin/ufw b", name: "other" }, IPV6);
    doorService.open({ ...byProgram, startCommand: "iptables c" }, IPV6);
    doorService.open({ ...byProgram, startCommand: "firewall-cmd d", name: "third" }, IPV6);
    assert.deepEqual(ran(doorService), ["ufw a", "iptables c", "firewall-cmd d"]);
    await doorService.end("ufw a");
    assert.equal(ran(doorService).at(-1), "sudo /usr/sbin/ufw b");
  });

  it("are looked at beforehand, a few at a time, and only those of the last config", async () => {
    const doorService = new House();
    const looks: string[] = [];
    const doors = (config: string, count: number): Door[] =>
      Array.from({ length: count }, (_, i) => ({
        ...DOOR,
        stopCommand: undefined,
        get startCommand() {
          looks.push(`${config} ${i}`);
          return "/bin/true";
        },
      }));
    doorService.keeper.prepare(doors("old", 1000));
    assert.deepEqual(looks, []);
    await doorService.elapse();
    assert.ok(looks.length > 0 && looks.length < 8, `${looks}`);
    looks.length = 0;
    doorService.keeper.prepare(doors("new", 10));
    assert.equal(doorService.timers, 1);
    while (doorService.timers > 0) await doorService.elapse();
    assert.deepEqual(
      looks,
      doors("new", 10).map((_, i) => `new ${i}`),
    );
  });

  it("run in parallel with Parallel = yes, and alone with Parallel = no", async () => {
    const doorService = new House();
    const open = (parallel: boolean, startCommand: string, knocker = IPV4) =>
      doorService.open({ stopCommand: undefined, startCommand, policy: { ...DOOR.policy, parallel } }, knocker);
    open(true, "ufw a");
    open(true, "ufw b", IPV6);
    open(false, "iptables a");
    open(false, "iptables b", IPV6);
    assert.deepEqual(ran(doorService), ["ufw a", "ufw b", "iptables a"]);
  });

  it("also do so when they close doors, even after a crash", async () => {
    const doorService = new House();
    doorService.open({ startCommand: "iptables a", policy: { ...DOOR.policy, parallel: false } });
    assert.deepEqual(
      [...doorService.ledger.values()].map(({ parallel }) => parallel),
      [false],
    );
    const left = (id: number, ip: string, parallel: boolean | undefined): LedgerEntry => ({
      id,
      ip,
      door: "gone",
      stopCommand: `ufw ${id}`,
      commandTimeout: 0,
      parallel,
      due: { wall: 0, boot: 0, bootId: "another boot" },
    });
    const next = new House();
    next.keeper.recover([left(1, "10.77.0.2", undefined), left(2, "10.77.0.3", undefined), left(3, "10.77.0.4", true)]);
    for (let i = 0; i < 3; i++) await next.elapse();
    assert.deepEqual(ran(next), ["ufw 1", "ufw 3"]);
    await next.end("ufw 1");
    assert.deepEqual(ran(next), ["ufw 1", "ufw 3", "ufw 2"]);
  });
});

describe("at shutdown, a doorkeeper", () => {
  /** Has it ended, as far as promises can show? */
  function leaving(doorService: House): { left: boolean } {
    const state = { left: false };
    void doorService.keeper.leave().then(() => {
      state.left = true;
    });
    return state;
  }

  it("waits for nothing if nothing is open and nothing runs", async () => {
    const doorService = new House();
    doorService.open({ stopCommand: undefined });
    await doorService.end("start 10.77.0.2");
    await doorService.keeper.leave();
    assert.deepEqual(doorService.keeper.progress, { ended: 1, running: 0, toClose: 0 });
    assert.deepEqual([doorService.timers, doorService.ledger.size, doorService.keeper.size], [0, 0, 0]);
  });

  it("closes open doors immediately, without reporting a timeout, and waits for the commands", async () => {
    const doorService = new House();
    for (const knocker of [IPV4, IPV6]) {
      doorService.open({}, knocker);
      await doorService.end(knocker === IPV4 ? "start 10.77.0.2" : "start fd77::2");
    }
    doorService.seen.length = 0;
    const state = leaving(doorService);
    assert.deepEqual(doorService.seen, [...running("stop 10.77.0.2"), ...running("stop fd77::2")]);
    assert.deepEqual(doorService.waiting, []);
    await doorService.end("stop 10.77.0.2", 1);
    assert.equal(state.left, false);
    await doorService.end("stop fd77::2");
    assert.equal(state.left, true);
  });

  it("waits for a running start command, and closes its door right afterwards", async () => {
    const doorService = new House();
    doorService.open();
    doorService.open({ stopCommand: undefined, startCommand: "forever" }, IPV6);
    doorService.seen.length = 0;
    const state = leaving(doorService);
    assert.deepEqual(doorService.seen, []);
    await doorService.end("start 10.77.0.2", 3);
    assert.deepEqual(doorService.seen, [
      "! door: command returned non-zero status code (3)",
      ...running("stop 10.77.0.2"),
    ]);
    assert.deepEqual(doorService.waiting, []);
    await doorService.end("stop 10.77.0.2");
    assert.equal(state.left, false);
    await doorService.end("forever");
    assert.equal(state.left, true);
  });

  it("with On_Exit = keep leaves open doors to the ledger and the next start", async () => {
    const doorService = new House();
    doorService.open();
    await doorService.end("start 10.77.0.2");
    doorService.open({ name: "other" }, IPV6);
    doorService.seen.length = 0;
    const left = doorService.keeper.leave("keep");
    await doorService.end("start fd77::2");
    await left;
    assert.deepEqual([doorService.seen, doorService.waiting, doorService.ledger.size], [[], [], 2]);
  });

  it("opens no waiting door, and leaves none of them in the ledger", async () => {
    const doorService = new House();
    doorService.open({ policy: { ...DOOR.policy, parallel: false } });
    doorService.open({ policy: { ...DOOR.policy, parallel: false } }, IPV6);
    const state = leaving(doorService);
    await turn();
    assert.deepEqual([doorService.ledger.size, doorService.keeper.progress], [1, { ended: 0, running: 1, toClose: 1 }]);
    await doorService.end("start 10.77.0.2");
    await doorService.end("stop 10.77.0.2");
    assert.deepEqual([state.left, doorService.ledger.size], [true, 0]);
    assert.equal(doorService.seen.includes("$ start fd77::2"), false);
  });

  it("leaves what there is no time for in the ledger, due immediately", async () => {
    const doorService = new House();
    for (const knocker of [IPV4, IPV6]) {
      doorService.open({ policy: { ...DOOR.policy, parallel: false } }, knocker);
      await doorService.end(knocker === IPV4 ? "start 10.77.0.2" : "start fd77::2");
    }
    leaving(doorService);
    assert.deepEqual(doorService.keeper.progress, { ended: 2, running: 1, toClose: 1 });
    doorService.keeper.giveUp();
    await doorService.end("stop 10.77.0.2");
    assert.deepEqual(doorService.keeper.progress, { ended: 3, running: 0, toClose: 1 });
    assert.deepEqual([...doorService.ledger.values()], [{ stopCommand: "stop fd77::2", seconds: 0, parallel: false }]);
    assert.equal(doorService.seen.includes("$ stop fd77::2"), false);
  });

  it("does not wait for slow commands", async () => {
    const doorService = new House();
    doorService.open({ stopCommand: undefined, startCommand: "server" });
    doorService.open({ startCommand: "server too" }, IPV6);
    await doorService.elapse(true);
    await doorService.elapse(true);
    await doorService.keeper.leave();
    assert.deepEqual(doorService.keeper.progress, { ended: 0, running: 0, toClose: 1 });
  });

  it("waits for a stop command that began on time, and does not run it again", async () => {
    const doorService = new House();
    doorService.open();
    await doorService.end("start 10.77.0.2");
    await doorService.elapse();
    doorService.seen.length = 0;
    const state = leaving(doorService);
    await turn();
    assert.deepEqual([doorService.seen, state.left], [[], false]);
    await doorService.end("stop 10.77.0.2");
    assert.equal(state.left, true);
  });
});

describe("a door, by hand,", () => {
  const [start, stop] = ["start 10.77.0.2", "stop 10.77.0.2"];
  const refused = "it is not open, as far as knockd knows";

  it("is opened as by a knock, which is reported, and closed on time", async () => {
    const doorService = new House();
    const outcome = doorService.keeper.openByHand(DOOR, IPV4);
    assert.deepEqual(doorService.seen.splice(0), ["WHO: door: opened by hand", ...running(start)]);
    assert.deepEqual([...doorService.keeper.openDoors()], [{ door: "door", ip: "10.77.0.2", left: undefined }]);
    await doorService.end(start, 3);
    assert.deepEqual(await outcome, { status: 3 });
    doorService.now += 4;
    assert.deepEqual([...doorService.keeper.openDoors()], [{ door: "door", ip: "10.77.0.2", left: 6 }]);
    await doorService.elapse();
    await doorService.end(stop);
    assert.deepEqual([doorService.keeper.size, doorService.ledger.size], [0, 0]);
  });

  it("is not opened without a start command, and nothing is reported", async () => {
    const doorService = new House();
    const outcome = await doorService.keeper.openByHand({ ...DOOR, startCommand6: "" }, IPV6);
    assert.deepEqual([outcome, doorService.seen], [{ refused: "it has no start command" }, []]);
  });

  it("is closed immediately, once, with a stop command for each start command", async () => {
    const doorService = new House();
    for (let i = 0; i < 2; i++) {
      doorService.open();
      await doorService.end(start);
    }
    doorService.seen.length = 0;
    const outcomes = [doorService.keeper.closeByHand("door", IPV4), doorService.keeper.closeByHand("door", IPV4)];
    assert.deepEqual(doorService.seen.splice(0, 1), ["WHO: door: closed by hand"]);
    await doorService.end(stop, 4);
    await doorService.end(stop);
    assert.deepEqual(await Promise.all(outcomes), [{ status: 4 }, { refused }]);
    assert.equal(doorService.seen.filter((line) => line === `$ ${stop}`).length, 2);
    assert.deepEqual([doorService.keeper.size, doorService.ledger.size, doorService.waiting], [0, 0, []]);
  });

  it("is closed after its start command, if that still runs", async () => {
    const doorService = new House();
    doorService.open();
    const outcome = doorService.keeper.closeByHand("door", IPV4);
    assert.deepEqual(doorService.seen.at(-1), "WHO: door: closed by hand");
    await doorService.end(start);
    assert.equal(doorService.seen.at(-1), `$ ${stop}`);
    await doorService.end(stop);
    assert.deepEqual([await outcome, doorService.waiting, doorService.ledger.size], [{ status: 0 }, [], 0]);
  });

  it("is retried if its stop command could not be started", async () => {
    const doorService = new House();
    doorService.open();
    await doorService.end(start);
    const outcome = doorService.keeper.closeByHand("door", IPV4);
    await doorService.end(stop, new Error("spawn EAGAIN"));
    assert.deepEqual([await outcome, doorService.waiting, doorService.ledger.size], [{ status: undefined }, [5], 1]);
  });

  it("is closed later, also in the ledger", async () => {
    const doorService = new House();
    doorService.open();
    await doorService.end(start);
    doorService.now += 4;
    doorService.seen.length = 0;
    assert.equal(await doorService.keeper.extendByHand("door", IPV4, 100), 106);
    assert.deepEqual(doorService.seen, ["WHO: door: extended by 100 seconds by hand"]);
    assert.deepEqual(
      [doorService.waiting, [...doorService.ledger.values()].map(({ seconds }) => seconds)],
      [[106], [106]],
    );
    await doorService.elapse();
    await doorService.end(stop);
    assert.equal(doorService.keeper.size, 0);
  });

  it("is left alone if it is not open, is open for another client, or is being opened", async () => {
    const doorService = new House();
    doorService.open();
    const { keeper } = doorService;
    assert.deepEqual(await keeper.extendByHand("door", IPV4, 5), {
      refused: "it is being opened or closed right now",
    });
    await doorService.end(start);
    doorService.seen.length = 0;
    assert.deepEqual(await keeper.closeByHand("door", IPV6), { refused });
    assert.deepEqual(await keeper.closeByHand("other", IPV4), { refused });
    assert.deepEqual(await keeper.extendByHand("other", IPV4, 5), { refused });
    assert.deepEqual([doorService.seen, doorService.waiting], [[], [10]]);
  });
});
