// The commands `open`, `close` and `extend`: what a knock and its time do, by hand; the same doorkeeper does it, with the
// same ledger. For root alone.

import { type Address, formatAddress, parseAddress } from "../address.ts";
import type { Door } from "../config/door.ts";
import type { Outcome } from "../doors/open-door.ts";
import { type Command, onlyForRoot, type Question, Refusal, textIn } from "./command.ts";
import type { Subject } from "./commands.ts";
import type { Answer } from "./protocol.ts";

/** A command that runs longer goes on; who asks is not kept waiting for it (socket.ts). */
const LONGEST_WAIT_MS = 8000;
/** Thirty years. */
const MOST_SECONDS = 1e9;

export function openByHand({ listeners, house }: Subject): Command {
  return async (question) => {
    const { door, knocker } = read(question);
    const found = listeners().filter((one) => one.door.name === door);
    if (found.length === 0) throw new Refusal(`there is no door ${door}`);
    if (found.length > 1) throw new Refusal(`${found.length} doors are called ${door}: give each its own name`);
    return [await done("opened", found[0]!.door.name, knocker, house.doorkeeper.openByHand(found[0]!.door, knocker))];
  };
}

export function closeByHand({ house }: Subject): Command {
  return async (question) => {
    const { door, knocker } = read(question);
    return [await done("closed", door, knocker, house.doorkeeper.closeByHand(door, knocker))];
  };
}

export function extendByHand({ house }: Subject): Command {
  return async (question) => {
    const { door, knocker } = read(question);
    const { seconds } = question.args;
    if (typeof seconds !== "number" || !(seconds > 0 && seconds <= MOST_SECONDS)) {
      throw new Refusal(`seconds are a number above 0, and ${MOST_SECONDS} at most`);
    }
    const left = await house.doorkeeper.extendByHand(door, knocker, seconds);
    if (typeof left !== "number") throw refusal(door, knocker, left.refused);
    return [{ type: "extended", door, ip: formatAddress(knocker), left }];
  };
}

/** Throws Refusal. */
function read(question: Question): { door: string; knocker: Address } {
  onlyForRoot(question);
  const ip = textIn(question.args, "ip");
  const knocker = parseAddress(ip);
  if (knocker === undefined) throw new Refusal(`${ip} is not an address`);
  return { door: textIn(question.args, "door"), knocker };
}

async function done(
  what: "opened" | "closed",
  door: Door["name"],
  knocker: Address,
  work: Promise<Outcome>,
): Promise<Answer> {
  const at = { type: what, door, ip: formatAddress(knocker) };
  const outcome = await inTime(work);
  if (outcome === undefined) return { ...at, command: "runs" };
  if ("refused" in outcome) throw refusal(door, knocker, outcome.refused);
  const { status } = outcome;
  if (status === undefined) return { ...at, command: "could not be run" };
  return { ...at, command: "ended", status };
}

function refusal(door: string, knocker: Address, why: string): Refusal {
  return new Refusal(`${door} for ${formatAddress(knocker)}: ${why}`);
}

/** Undefined when it takes too long. */
async function inTime<T>(work: Promise<T>): Promise<T | undefined> {
  let limit: NodeJS.Timeout | undefined;
  const late = new Promise<undefined>((resolve) => {
    limit = setTimeout(() => resolve(undefined), LONGEST_WAIT_MS);
  });
  const first = await Promise.race([work, late]);
  clearTimeout(limit);
  return first;
}
