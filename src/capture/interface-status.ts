// The state of each selected interface as text, for systemctl status and knockctl.

import type { InterfaceStatus } from "../events/interface-status.ts";
import { formatAddress } from "../net/address.ts";
import type { CaptureState } from "./captures.ts";

/** By interface name: why it has no capture. */
export type Reasons = ReadonlyMap<string, string>;

export function interfaceStatuses(
  captures: ReadonlyMap<string, CaptureState>,
  failed: Reasons,
  missing: Reasons,
): InterfaceStatus[] {
  const none = { addresses: [], tried: 0 };
  return [
    ...[...captures].map(([name, state]) => reportOf(name, state)),
    ...[...failed].map(([name, why]) => ({ interface: name, state: "deaf" as const, ...none, why })),
    ...[...missing].map(([word, why]) => ({ interface: word, state: "waiting" as const, ...none, why })),
  ];
}

function reportOf(
  name: string,
  { capture: listening, knocksTested: tried, deafReason: deaf, up }: CaptureState,
): InterfaceStatus {
  const addresses = listening.own.all.map(formatAddress);
  const at = { interface: name, addresses, tried };
  if (deaf !== undefined) return { ...at, state: "deaf", why: deaf };
  if (!up) return { ...at, state: "waiting", why: "it is down" };
  if (addresses.length === 0 && tried === 0) return { ...at, state: "waiting", why: "it has no address yet" };
  return { ...at, state: "hears" };
}

/** On one line: `listening on eth0 (192.168.1.5); waiting for wlan0`. */
export function statusLine(captures: ReadonlyMap<string, CaptureState>, failed: Reasons, missing: Reasons): string {
  const at = (state: CaptureState) =>
    state.deafReason ? "deaf" : state.up ? `${state.capture.own}` || "no address yet" : "down";
  const here = [...captures].map(([name, state]) => `${name} (${at(state)})`);
  const listening = here.length > 0 ? [`listening on ${here.join(", ")}`] : [];
  const waiting = [...missing.keys(), ...failed.keys()];
  return [...listening, ...(waiting.length > 0 ? [`waiting for ${waiting.join(", ")}`] : [])].join("; ");
}
