// Tests which interfaces the words of `Interface` and -i select on a given machine.
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { choose, indexOf, interfaceWords, isOneName, namesOf, ownAddresses } from "../src/capture/interfaces.ts";
import { parseAddress } from "../src/net/address.ts";
import type { Snapshot } from "../src/platform/native.ts";

const machine: Snapshot = {
  links: [
    { index: 1, name: "lo", up: true },
    { index: 2, name: "eth0", up: true, altnames: ["enp3s0", "a-name-of-more-than-15-letters"] },
    { index: 3, name: "wlan0", up: false, altnames: ["wlp2s0"] },
    { index: 7, name: "ppp0", up: true },
    { index: 8, name: "ppp1", up: true },
  ],
  addresses: [
    { index: 1, address: "127.0.0.1" },
    { index: 2, address: "10.77.0.1", label: "eth0", broadcast: "10.77.0.255" },
    { index: 2, address: "10.77.0.5", label: "eth0:0" },
    { index: 2, address: "10.77.0.6", label: "eth0:0" },
    { index: 2, address: "10.77.0.7", label: "eth0:web" },
    { index: 2, address: "fd77::1" },
    { index: 7, address: "10.77.7.1" },
  ],
  defaults: [7, 2, 7],
};

describe("the patterns", () => {
  for (const [text, words] of [
    ["eth0", ["eth0"]],
    [" eth0 , wlan0,,eth0", ["eth0", "wlan0"]],
    ["", ["eth0"]],
    [",", ["eth0"]],
  ] as const) {
    it(`in ${JSON.stringify(text)} are ${words}`, () => assert.deepEqual(interfaceWords(text), words));
  }

  it("are one name, the only form that 0.8 knows, or more", () => {
    const one = [["eth0"], ["nope"], ["eth0:0"]].map(isOneName);
    const more = [["eth0", "wlan0"], ["any"], ["auto"], ["ppp*"], ["eth0:*"], ["eth*:0"]].map(isOneName);
    assert.deepEqual([...one, ...more], [true, true, true, false, false, false, false, false, false]);
  });
});

describe("the interfaces chosen are", () => {
  const [gone, down] = ["there is no such interface", "it is down"];
  const table: [words: string[], present: string[], missing: [word: string, why: string][]][] = [
    [["eth0"], ["eth0"], []],
    [["nope"], [], [["nope", gone]]],
    [["wlan0"], [], [["wlan0", down]]],
    [["wl*"], [], [["wl*", down]]],
    [["wlan0", "eth0"], ["eth0"], [["wlan0", down]]],
    [["ppp*"], ["ppp0", "ppp1"], []],
    [["tun*", "ppp1"], ["ppp1"], [["tun*", gone]]],
    [["auto"], ["eth0", "ppp0"], []],
    [["auto", "eth0"], ["eth0", "ppp0"], []],
    [["any"], ["any"], []],
    [["eth0", "any", "nope"], ["any"], []],
    [["eth0:0"], ["eth0:0"], []],
    [["eth0:later"], ["eth0:later"], []], // listened at before it has an address
    [["nope:0"], [], [["nope:0", gone]]],
    [["wlan0:0"], [], [["wlan0:0", down]]],
    [["eth0:web", "ppp0", "eth0:0"], ["eth0:web", "ppp0", "eth0:0"], []],
    [["eth0:0", "eth0"], ["eth0"], []], // the alias is part of the whole interface
    [["eth0:*"], ["eth0:0", "eth0:web"], []],
    [["eth0:w*"], ["eth0:web"], []],
    [["eth0:x*"], [], [["eth0:x*", gone]]],
    [["ppp*:0"], ["ppp0:0", "ppp1:0"], []],
    [["enp3s0"], ["eth0"], []],
    [["enp3s0", "eth0"], ["eth0"], []],
    [["a-name-of-more-than-15-letters"], ["eth0"], []],
    [["enp3s0:0"], ["eth0:0"], []],
    [["wlp2s0"], [], [["wlp2s0", down]]],
  ];
  for (const [words, present, missing] of table) {
    it(`${present.join(" and ") || "nothing"} for ${words}`, () =>
      assert.deepEqual(choose(words, machine), { present, missing: new Map(missing) }));
  }

  it("none for auto without a default route", () => {
    const missing = new Map([["auto", "there is no default route"]]);
    assert.deepEqual(choose(["auto"], { ...machine, defaults: [] }), { present: [], missing });
  });
});

describe("own addresses", () => {
  const own = (name: string, onlyIpv4 = false) => `${ownAddresses(name, machine, onlyIpv4)}`;
  it("are those of the interface", () =>
    assert.equal(own("eth0"), "10.77.0.1, 10.77.0.5, 10.77.0.6, 10.77.0.7, fd77::1"));
  it("are only IPv4 addresses with -4", () =>
    assert.equal(own("eth0", true), "10.77.0.1, 10.77.0.5, 10.77.0.6, 10.77.0.7"));
  it("of an alias are those with its label", () => assert.equal(own("eth0:0"), "10.77.0.5, 10.77.0.6"));
  it("of an alias without an address are none", () => assert.equal(own("eth0:later"), ""));
  it("of any are those of all interfaces", () =>
    assert.equal(own("any"), "10.77.0.1, 10.77.0.5, 10.77.0.6, 10.77.0.7, 10.77.7.1, 127.0.0.1, fd77::1"));
  it("of all interfaces, and their broadcast addresses, cannot belong to clients", () => {
    const isClient = (text: string) => ownAddresses("eth0", machine, true).isClient(parseAddress(text)!);
    const none = ["10.77.0.1", "10.77.0.255", "10.77.7.1", "fd77::1"];
    assert.deepEqual(["10.77.0.2", ...none, "10.77.7.255"].filter(isClient), ["10.77.0.2", "10.77.7.255"]);
  });
  it("may belong to clients on the loopback interface", () => {
    const local = parseAddress("127.0.0.1")!;
    const isClient = (name: string) => ownAddresses(name, machine, false).isClient(local);
    assert.deepEqual(["lo", "any", "eth0", "nope"].map(isClient), [true, false, false, false]);
  });
  it("of a missing interface are none", () => assert.equal(own("nope"), ""));
});

describe("the interface names for a pattern", () => {
  it("include an interface that is down", () => assert.deepEqual(namesOf("wlp2s0", machine), ["wlan0"]));
  it("lead to its link", () => {
    const names = ["eth0", "eth0:0", "any", "nope", "enp3s0"]; // a capture uses the interface's own name, no other one
    assert.deepEqual(
      names.map((name) => indexOf(name, machine)),
      [2, 2, 0, 0, 0],
    );
  });
});
