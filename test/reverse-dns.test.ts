import assert from "node:assert/strict";
import { beforeEach, describe, it } from "node:test";
import { setImmediate as turn } from "node:timers/promises";
import { ReverseDns } from "../src/log/reverse-dns.ts";
import { parseAddress } from "../src/net/address.ts";
import { bound } from "./time-limit.ts";

describe("a lookup", () => {
  let asked: string[];
  /** The answers that are still to come, by address. */
  let answers: Map<string, { name(name: string | undefined): void; none(): void }>;
  let now: number;
  let told: string[];
  let lookup: ReverseDns;

  beforeEach(() => {
    asked = [];
    answers = new Map();
    now = 1000;
    told = [];
    const resolver = (ip: string) => {
      asked.push(ip);
      return new Promise<string | undefined>((name, reject) =>
        answers.set(ip, { name, none: () => reject(new Error("ENOTFOUND")) }),
      );
    };
    lookup = new ReverseDns(resolver, () => now);
  });

  function tell(ip: string, text: string): void {
    lookup.tell(parseAddress(ip)!, (who) => told.push(`${who}: ${text}`));
  }

  async function named(ip: string, name: string | undefined): Promise<void> {
    answers.get(ip)!.name(name);
    await turn();
  }

  it("holds a client's lines until its name is known, in order, and asks once", async () => {
    tell("10.77.0.2", "one");
    tell("10.77.0.2", "two");
    await turn();
    assert.deepEqual(told, []);
    await named("10.77.0.2", "host.example");
    tell("10.77.0.2", "three");
    assert.deepEqual(
      told,
      ["one", "two", "three"].map((text) => `10.77.0.2 (host.example): ${text}`),
    );
    assert.deepEqual(asked, ["10.77.0.2"]);
  });

  it("lets no client wait for another client's name", async () => {
    tell("10.77.0.2", "one");
    tell("fd77::2", "one");
    await named("fd77::2", "six.example");
    assert.deepEqual(told, ["fd77::2 (six.example): one"]);
    await named("10.77.0.2", "host.example");
    assert.deepEqual(told, ["fd77::2 (six.example): one", "10.77.0.2 (host.example): one"]);
  });

  it("shows only the address if there is no name", async () => {
    tell("10.77.0.2", "not found");
    answers.get("10.77.0.2")!.none();
    tell("10.77.0.3", "nothing");
    await named("10.77.0.3", undefined);
    tell("fd77::2", "only its own text, as libc answers then");
    await named("fd77::2", "fd77::2");
    assert.deepEqual(told, [
      "10.77.0.2: not found",
      "10.77.0.3: nothing",
      "fd77::2: only its own text, as libc answers then",
    ]);
  });

  const hostile = [
    "",
    "a b",
    "host\n10.77.0.9: openSSH: OPEN SESAME",
    "host): openSSH: OPEN SESAME (",
    "\u001b[2Jhost",
    "höst.example",
    "$(reboot)",
    "x".repeat(254),
  ];
  for (const name of hostile) {
    it(`drops a name that was made up to look like something else: ${JSON.stringify(name.slice(0, 40))}`, async () => {
      tell("10.77.0.2", "line");
      await named("10.77.0.2", name);
      assert.deepEqual(told, ["10.77.0.2: line"]);
    });
  }

  it("accepts every character that a host name may have", async () => {
    const name = `A-z_0.9.${"x".repeat(245)}`;
    tell("10.77.0.2", "line");
    await named("10.77.0.2", name);
    assert.deepEqual(told, [`10.77.0.2 (${name}): line`]);
  });

  it("waits one second, then shows only the address; a later answer changes nothing", async () => {
    tell("10.77.0.2", "one");
    tell("10.77.0.2", "two");
    const begun = process.hrtime.bigint();
    await new Promise<void>((resolve) => lookup.tell(parseAddress("10.77.0.2")!, () => resolve()));
    const seconds = Number(process.hrtime.bigint() - begun) / 1e9;
    assert.deepEqual(told, ["10.77.0.2: one", "10.77.0.2: two"]);
    assert.ok(seconds > 0.9 && seconds < bound(3000) / 1000, `${seconds} s`);
    await named("10.77.0.2", "late.example");
    tell("10.77.0.2", "three");
    assert.deepEqual(told.at(-1), "10.77.0.2: three");
    assert.deepEqual(asked, ["10.77.0.2"]);
  });

  it("asks again after a minute", async () => {
    tell("10.77.0.2", "one");
    await named("10.77.0.2", "old.example");
    now += 59_999;
    tell("10.77.0.2", "two");
    now += 1;
    tell("10.77.0.2", "three");
    await named("10.77.0.2", "new.example");
    assert.deepEqual(told, [
      "10.77.0.2 (old.example): one",
      "10.77.0.2 (old.example): two",
      "10.77.0.2 (new.example): three",
    ]);
  });

  it("remembers only the last thousand names", async () => {
    const address = (i: number) => `10.77.${i >> 8}.${i & 255}`;
    for (let i = 0; i <= 1024; i++) {
      tell(address(i), "one");
      await named(address(i), "host.example");
    }
    assert.equal(asked.length, 1025);
    tell(address(1), "two");
    assert.equal(asked.length, 1025);
    tell(address(0), "two");
    assert.deepEqual(asked.slice(1025), [address(0)]);
    await named(address(0), "host.example");
  });

  it("asks at most sixteen questions at a time, and gives further clients no name", async () => {
    for (let i = 0; i < 20; i++) tell(`10.77.0.${i}`, "line");
    assert.equal(asked.length, 16);
    assert.deepEqual(told, ["10.77.0.16: line", "10.77.0.17: line", "10.77.0.18: line", "10.77.0.19: line"]);
    await named("10.77.0.0", "host.example");
    tell("10.77.0.16", "line");
    assert.equal(asked.at(-1), "10.77.0.16");
    lookup.flush();
  });

  it("stops asking a dead resolver: unanswered questions count, however old", async () => {
    for (let i = 0; i < 16; i++) tell(`10.77.0.${i}`, "line");
    lookup.flush();
    for (let i = 16; i < 100; i++) tell(`10.77.0.${i}`, "line");
    assert.equal(asked.length, 16);
    assert.equal(told.length, 100);
    answers.get("10.77.0.0")!.none();
    await turn();
    tell("10.77.0.99", "line");
    assert.equal(asked.length, 17);
    lookup.flush();
  });

  it("releases all lines with their addresses when the daemon ends, in order", async () => {
    tell("10.77.0.2", "one");
    tell("10.77.0.3", "one");
    tell("10.77.0.2", "two");
    lookup.flush();
    assert.deepEqual(told, ["10.77.0.2: one", "10.77.0.2: two", "10.77.0.3: one"]);
    await named("10.77.0.2", "late.example");
    assert.equal(told.length, 3);
  });
});
