// Tests what -i and `Interface` select, and that names which no interface can have are refused.

import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { askedInterfaces, isImpossible } from "../src/capture/asked-interfaces.ts";
import { ConfigError } from "../src/config/door.ts";
import { parseConfig } from "../src/config/parse.ts";
import type { Flags } from "../src/config/settings.ts";
import { CaptureError } from "../src/platform/capture-error.ts";
import type { Snapshot } from "../src/platform/native.ts";

const LONG = "a-name-of-more-than-15-letters";
const machine: Snapshot = {
  links: [
    { index: 2, name: "eth0", up: true, altnames: [LONG] },
    { index: 3, name: "odd'name", up: true },
  ],
  addresses: [],
  defaults: [],
};

const asked = (given: string | undefined, option = "") =>
  askedInterfaces(
    { interface: given } as Flags,
    parseConfig(`[options]\n${option}\n[door]\nsequence = 1`, "/etc/k.conf", () => undefined),
    () => machine,
  );

describe("the interfaces asked for", () => {
  it("are those of the config", () => assert.deepEqual(asked(undefined, "Interface = eth0, ppp*"), ["eth0", "ppp*"]));
  it("are those of -i, even if the config names others, as in 0.8", () =>
    assert.deepEqual(asked("eth0:0", "Interface = not a name"), ["eth0:0"]));
  it("are not looked up if their names are ordinary", () => {
    const flags = { interface: "eth0,ppp*,eth0:0,auto" } as Flags;
    const config = parseConfig("[door]\nsequence = 1", "", () => undefined);
    assert.equal(askedInterfaces(flags, config, () => assert.fail())?.length, 4);
  });
  it("are undefined if none are named", () => assert.equal(asked(undefined), undefined));

  it("in the config, a name that no interface can have is refused with its line and text", () => {
    const message =
      'config: line 2: could not open "wlan 0": no interface can have this name (/etc/k.conf: Interface = eth0, wlan 0)';
    assert.throws(() => asked(undefined, "Interface = eth0, wlan 0"), new ConfigError(message));
  });

  it("with -i, such a name is refused with 0.8's message", () => {
    const message = "could not open wlan 0: wlan 0: No such device exists (No such device exists)";
    assert.throws(() => asked("eth0,wlan 0"), new CaptureError(message));
  });
});

describe("a name that", () => {
  const impossible = [
    ...[
      "eth0 wlan0",
      "eth0\twlan0",
      "eth0\u00a0",
      '"eth0"',
      "'eth0'",
      "\u201ceth0\u201d",
      "`eth0`",
      "eth0/1",
      "\\eth0",
    ],
    ...[
      ".",
      "..",
      ":0",
      "sixteen-letters0",
      "sixteen-letters*0",
      "sixteen-letter00*",
      "longname0:longalias",
      "\u00e9thernet-sixteen",
    ],
    "eth\u001b0",
  ];
  for (const name of impossible)
    it(`no interface can have: ${JSON.stringify(name)}`, () => assert.ok(isImpossible(name, machine)));

  const possible = [
    ...[
      "eth0",
      "nope",
      "wlan0.7",
      "br-0123456789ab",
      "enp0s31f6",
      "eth0:0",
      "nope:web",
      "eth0:",
      "eth0:*",
      "ppp*",
      "*",
    ],
    ...["fifteen-letters", "fifteen-letters*", "auto", "any", "caf\u00e9", "a#b;c"],
  ];
  for (const name of possible)
    it(`an interface can have: ${JSON.stringify(name)}`, () => assert.ok(!isImpossible(name, machine)));

  for (const name of [LONG, `${LONG}:0`, "odd'name"])
    it(`an interface has, however odd it is: ${name}`, () => assert.ok(!isImpossible(name, machine)));
});
