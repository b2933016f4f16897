// The commands `open`, `close` and `extend`: they do by hand what a knock and its timeout do. For root only.

import type { Door } from "../../config/door.ts";
import { commandsOf } from "../../config/door-commands.ts";
import { type CommandOutcome, type DoorRefusal, NOT_OPEN } from "../../events/door-outcome.ts";
import { type Address, formatAddress, isLinkLocal, parseAddress } from "../../net/address.ts";
import { suggestion } from "../../terminal/suggestion.ts";
import type { DaemonView } from "../daemon-view.ts";
import { type ClientRequest, type Handler, onlyForRoot, Refusal, requireString } from "../handler.ts";
import type { Answer } from "../protocol.ts";
import { inTime } from "./in-time.ts";

/** About thirty years. */
const MAX_SECONDS = 1e9;
const NO_CLIENT = "it is not opened, because no client can have this address";
const STAYS_OPEN: DoorRefusal = { refused: "it has no stop command, so knockd cannot close it" };

export function openByHand(view: DaemonView): Handler {
  return async (request) => {
    const { name, knocker } = read(request, view);
    const [door, ...others] = called(name, view);
    if (door === undefined) throw noSuchDoor(name, view);
    if (others.length > 0)
      throw new Refusal(`${others.length + 1} doors have the name "${name}": give each its own name`);
    if (!view.supervisor().captures.isClient(knocker))
      throw new Refusal(`${name} for ${formatAddress(knocker)}: ${NO_CLIENT}`);
    return [await done(view, "opened", { name, knocker }, view.doorService.doors.openByHand(door, knocker))];
  };
}

export function closeByHand(view: DaemonView): Handler {
  return async (request) => {
    const { name, knocker } = read(request, view);
    return [await done(view, "closed", { name, knocker }, view.doorService.doors.closeByHand(name, knocker))];
  };
}

export function extendByHand(view: DaemonView): Handler {
  return async (request) => {
    const { name, knocker } = read(request, view);
    const { seconds } = request.args;
    if (typeof seconds !== "number" || !(seconds > 0 && seconds <= MAX_SECONDS)) {
      throw new Refusal(`the seconds must be a number above 0 and at most ${MAX_SECONDS}`);
    }
    const left = await view.doorService.doors.extendByHand(name, knocker, seconds);
    if (typeof left !== "number") throw refusal(view, name, knocker, left);
    return [{ type: "extended", door: name, ip: formatAddress(knocker), left }];
  };
}

/** Throws Refusal. */
function read(request: ClientRequest, view: DaemonView): { name: string; knocker: Address } {
  onlyForRoot(request);
  const ip = requireString(request.args, "ip");
  const [bare = "", ...zones] = ip.split("%");
  const knocker = parseAddress(bare);
  // Only a link-local address has a zone. The door opens for the address on each interface, but a wrong zone is a mistake.
  const isZone = (name: string) => isLinkLocal(knocker!) && view.hasInterface(name);
  if (knocker === undefined) throw new Refusal(`"${ip}" is not an IP address`);
  if (zones.length > 1 || !zones.every(isZone)) {
    throw new Refusal(`"${ip}" is not an IP address, or its zone is no interface`);
  }
  return { name: requireString(request.args, "door"), knocker };
}

function called(name: string, { resolvedDoors }: DaemonView): Door[] {
  return resolvedDoors().flatMap(({ door }) => (door.name === name ? [door] : []));
}

async function done(
  view: DaemonView,
  what: "opened" | "closed",
  { name, knocker }: { readonly name: string; readonly knocker: Address },
  work: Promise<CommandOutcome>,
): Promise<Answer> {
  const at = { type: what, door: name, ip: formatAddress(knocker) };
  const outcome = await inTime(work);
  if (outcome === undefined) return { ...at, command: "runs" };
  if ("refused" in outcome) throw refusal(view, name, knocker, outcome);
  const { status } = outcome;
  if (status === undefined) return { ...at, command: "could not be run" };
  return { ...at, command: "ended", status };
}

/** knockd does not know whether a door without a stop command is open. Say that instead. */
function refusal(view: DaemonView, name: string, knocker: Address, outcome: DoorRefusal): Refusal {
  const doors = called(name, view);
  if (outcome === NOT_OPEN && doors.length === 0) return noSuchDoor(name, view); // a door that a reload removed may still be open
  const staysOpen =
    doors.length > 0 && !doors.some((door) => door.opening !== undefined || commandsOf(door, knocker).stop);
  const { refused } = outcome === NOT_OPEN && staysOpen ? STAYS_OPEN : outcome;
  return new Refusal(`${name} for ${formatAddress(knocker)}: ${refused}`);
}

function noSuchDoor(name: string, { resolvedDoors }: DaemonView): Refusal {
  const likely = suggestion(
    name,
    resolvedDoors().map(({ door }) => door.name),
  );
  const hint = likely === undefined ? "knockctl doors lists the doors" : `did you mean "${likely}"?`;
  return new Refusal(`there is no door "${name}": ${hint}`);
}
