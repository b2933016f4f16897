// Tests the status of each selected interface, judged as the watchdog judges it, with the reason.
import assert from "node:assert/strict";
import { it } from "node:test";
import type { CaptureState } from "../src/capture/captures.ts";
import type { InterfaceCapture } from "../src/capture/interface-capture.ts";
import { interfaceStatuses, statusLine } from "../src/capture/interface-status.ts";
import { parseAddress } from "../src/net/address.ts";
import { AddressSet } from "../src/net/address-set.ts";

function place(addresses: readonly string[], more: Partial<CaptureState> = {}): CaptureState {
  const own = new AddressSet(addresses.map((text) => parseAddress(text)!));
  const knocksTested = 3 * addresses.length;
  const well = { up: true, knocksTested, testedAt: 0, deafReason: undefined, error: undefined };
  return { capture: { own } as InterfaceCapture, index: 2, ...well, ...more };
}

const captures = new Map([
  ["eth0", place(["10.77.0.1", "fd77::1"])],
  ["eth1", place(["10.77.1.1"], { deafReason: "knock 2 of door would be missed" })],
  ["eth2", place(["10.77.2.1"], { up: false })],
  ["eth3", place([])],
  ["eth4", place([], { knocksTested: 3 })],
]);
const missing = new Map([["ppp*", "there is no such interface"]]);
const failed = new Map([["wifi0", "could not open wifi0"]]);

it("an interface is deaf if packets should arrive but do not, not if it is only waited for", () => {
  assert.deepEqual(
    interfaceStatuses(captures, failed, missing).map(({ interface: name, state, why }) => [name, state, why]),
    [
      ["eth0", "hears", undefined],
      ["eth1", "deaf", "knock 2 of door would be missed"],
      ["eth2", "waiting", "it is down"],
      ["eth3", "waiting", "it has no address yet"],
      ["eth4", "hears", undefined], // all its doors have a Target
      ["wifi0", "deaf", "could not open wifi0"],
      ["ppp*", "waiting", "there is no such interface"],
    ],
  );
});

it("shows the addresses, and how many knocks were tested there", () => {
  const [eth0] = interfaceStatuses(captures, failed, new Map());
  assert.deepEqual(eth0, { interface: "eth0", state: "hears", addresses: ["10.77.0.1", "fd77::1"], tried: 6 });
});

it("fits on one line for systemd", () => {
  assert.equal(
    statusLine(captures, failed, missing),
    "listening on eth0 (10.77.0.1, fd77::1), eth1 (deaf), eth2 (down), eth3 (no address yet), eth4 (no address yet);" +
      " waiting for ppp*, wifi0",
  );
  assert.equal(statusLine(new Map(), new Map(), new Map([["eth0", "it is down"]])), "waiting for eth0");
});
