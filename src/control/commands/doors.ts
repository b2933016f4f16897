// The command `doors`: the doors, and the clients for whom one is open. Ports and commands are shown only to root, and only
// on request.

import type { Door } from "../../config/door.ts";
import { formatPorts } from "../../config/opening.ts";
import type { OpenDoorInfo } from "../../events/door-outcome.ts";
import { formatTcpFlags } from "../../net/tcp-flags.ts";
import { formatSequence } from "../../sequences/sequence.ts";
import type { DaemonView } from "../daemon-view.ts";
import { type ClientRequest, isSet, onlyForRoot } from "../handler.ts";
import type { Answer } from "../protocol.ts";

/** One limit for the doors, another for the open ones: a config may have thousands, and 65,536 may be open. */
const MAX_BYTES = 64 << 10;
/** The maximum of client names for a door. There may be 10,000; `clients` lists them all. */
const MAX_NAMES = 100;

export function doors(view: DaemonView): (request: ClientRequest) => readonly Answer[] {
  return (request) => [...listening(view, request), ...standing(view)];
}

/** Throws Refusal when a client other than root asks for secrets. */
export function listening({ resolvedDoors, eventLog }: DaemonView, request: ClientRequest): Answer[] {
  const secrets = isSet(request.args, "secrets");
  if (secrets) onlyForRoot(request);
  const all = resolvedDoors();
  const openings = ({ name }: Door) => eventLog.counts.openings.get(name)?.count ?? 0;
  return upTo("door", all, all.length, ({ door }) => answerOf(door, openings(door), secrets));
}

export function standing({ doorService }: DaemonView): Answer[] {
  return upTo("open", doorService.doors.openDoors(), doorService.doors.size, openAnswer);
}

function answerOf(door: Door, openings: number, secrets: boolean): Answer {
  const { name, sequence, clients, oneTimeSequences, seqTimeout, tcpFlags, target, cmdTimeout, opening } = door;
  const { startCommand, stopCommand, startCommand6, stopCommand6 } = door;
  const byCommand = stopCommand || stopCommand6 ? cmdTimeout : null;
  return {
    type: "door",
    door: name,
    oneTime: oneTimeSequences !== undefined,
    knocks: sequence.length,
    ...(clients.length > 0 && { clients: clients.slice(0, MAX_NAMES).map((client) => client.name) }),
    ...(clients.length > MAX_NAMES && { moreClients: clients.length - MAX_NAMES }),
    seqTimeout,
    closesAfter: opening === undefined ? byCommand : (opening.seconds ?? null),
    ...(opening && { builtIn: true }),
    openings,
    ...(target && { target: target.host }),
    ...(secrets && {
      secrets: {
        sequence: formatSequence(sequence),
        tcpFlags: formatTcpFlags(tcpFlags),
        ...(opening && { open: opening.ports.map(formatPorts).join(",") }),
        ...(startCommand !== undefined && { startCommand }),
        ...(stopCommand !== undefined && { stopCommand }),
        ...(startCommand6 !== undefined && { startCommand6 }),
        ...(stopCommand6 !== undefined && { stopCommand6 }),
      },
    }),
  };
}

function openAnswer({ door, ip, left, uses, staysOpen }: OpenDoorInfo): Answer {
  return {
    type: "open",
    door,
    ip,
    left: left === undefined ? null : Math.round(left * 10) / 10,
    ...(staysOpen && { staysOpen }),
    ...(uses !== undefined && { uses }),
  };
}

/** The answers that fit into MAX_BYTES, and the number of those left out. */
function upTo<T>(what: "door" | "open", all: Iterable<T>, count: number, answer: (one: T) => Answer): Answer[] {
  const answers: Answer[] = [];
  let bytes = 0;
  for (const one of all) {
    const next = answer(one);
    bytes += JSON.stringify(next).length;
    if (bytes > MAX_BYTES) break;
    answers.push(next);
  }
  const more = count - answers.length;
  return more === 0 ? answers : [...answers, { type: "more", of: what, count: more }];
}
