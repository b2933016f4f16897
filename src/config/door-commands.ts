// Chooses which of a door's commands run for a client.

import { type Address, isIpv4 } from "../net/address.ts";
import type { Door } from "./door.ts";

/** The commands for the client's IP version. */
export function commandsOf(
  door: Door,
  knocker: Address,
): { readonly start: string | undefined; readonly stop: string | undefined } {
  const ipv4 = isIpv4(knocker);
  return {
    start: ipv4 ? door.startCommand : (door.startCommand6 ?? door.startCommand),
    stop: ipv4 ? door.stopCommand : (door.stopCommand6 ?? door.stopCommand),
  };
}
