// What the words of `Interface` and -i mean on a machine as it is.
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { choose, interfaceWords, isOneName, ownAddresses } from "../src/capture/interfaces.ts";
import type { Snapshot } from "../src/capture/native.ts";

const machine: Snapshot = {
  links: [
    { index: 1, name: "lo", up: true },
    { index: 2, name: "eth0", up: true },
    { index: 3, name: "wlan0", up: false },
    { index: 7, name: "ppp0", up: true },
    { index: 8, name: "ppp1", up: true },
  ],
  addresses: [
    { index: 1, address: "127.0.0.1" },
    { index: 2, address: "10.77.0.1" },
    { index: 2, address: "fd77::1" },
    { index: 7, address: "10.77.7.1" },
  ],
  defaults: [7, 2, 7],
};

describe("the words", () => {
  for (const [text, words] of [
    ["eth0", ["eth0"]],
    [" eth0 , wlan0,,eth0", ["eth0", "wlan0"]],
    ["", ["eth0"]],
    [",", ["eth0"]],
  ] as const) {
    it(`of ${JSON.stringify(text)} are ${words}`, () => assert.deepEqual(interfaceWords(text), words));
  }

  it("are one name, as 0.8 knows it, or more", () => {
    const one = [["eth0"], ["nope"]].map(isOneName);
    const more = [["eth0", "wlan0"], ["any"], ["auto"], ["ppp*"]].map(isOneName);
    assert.deepEqual([...one, ...more], [true, true, false, false, false, false]);
  });
});

describe("chosen is", () => {
  const [gone, down] = ["it is not there", "it is down"];
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
  ];
  for (const [words, present, missing] of table) {
    it(`${present.join(" and ") || "nothing"} for ${words}`, () =>
      assert.deepEqual(choose(words, machine), { present, missing: new Map(missing) }));
  }

  it("nothing for auto without a default route", () => {
    const missing = new Map([["auto", "there is no default route"]]);
    assert.deepEqual(choose(["auto"], { ...machine, defaults: [] }), { present: [], missing });
  });
});

describe("own addresses", () => {
  const own = (name: string, onlyIpv4 = false) => `${ownAddresses(name, machine, onlyIpv4)}`;
  it("are those of the interface", () => assert.equal(own("eth0"), "10.77.0.1, fd77::1"));
  it("with -4 those of IPv4", () => assert.equal(own("eth0", true), "10.77.0.1"));
  it("for any, those of all", () => assert.equal(own("any"), "10.77.0.1, 10.77.7.1, 127.0.0.1, fd77::1"));
  it("of an interface that is not there, none", () => assert.equal(own("nope"), ""));
});
