// The command `doors`: which doors listen, and for whom one is open. Their ports, and what opens them, only to root and only
// when he asks for secrets.

import type { Door } from "../../config/door.ts";
import type { OpenDoorInfo } from "../../events/door-outcome.ts";
import { formatTcpFlags } from "../../net/tcp-flags.ts";
import { formatSequence } from "../../sequences/sequence.ts";
import type { DaemonView } from "../daemon-view.ts";
import { isSet, onlyForRoot, type Question } from "../handler.ts";
import type { Answer } from "../protocol.ts";

/** Of doors, and of open ones: a config may have thousands, and 65,536 may be open. */
const MOST_BYTES = 64 << 10;

export function doors(view: DaemonView): (question: Question) => readonly Answer[] {
  return (question) => [...listening(view, question), ...standing(view)];
}

/** Throws Refusal when secrets are asked for, and not by root. */
export function listening({ resolvedDoors }: DaemonView, question: Question): Answer[] {
  const secrets = isSet(question.args, "secrets");
  if (secrets) onlyForRoot(question);
  const all = resolvedDoors();
  return upTo("door", all, all.length, ({ door }) => answerOf(door, secrets));
}

export function standing({ doorService }: DaemonView): Answer[] {
  return upTo("open", doorService.doors.openDoors(), doorService.doors.size, openAnswer);
}

function answerOf(door: Door, secrets: boolean): Answer {
  const { name, sequence, oneTimeSequences, seqTimeout, tcpFlags, target, cmdTimeout } = door;
  const { startCommand, stopCommand, startCommand6, stopCommand6 } = door;
  const closes = Boolean(stopCommand || stopCommand6);
  return {
    type: "door",
    door: name,
    oneTime: oneTimeSequences !== undefined,
    seqTimeout,
    closesAfter: closes ? cmdTimeout : null,
    ...(target && { target: target.host }),
    ...(secrets && {
      secrets: {
        sequence: formatSequence(sequence),
        tcpFlags: formatTcpFlags(tcpFlags),
        ...(startCommand !== undefined && { startCommand }),
        ...(stopCommand !== undefined && { stopCommand }),
        ...(startCommand6 !== undefined && { startCommand6 }),
        ...(stopCommand6 !== undefined && { stopCommand6 }),
      },
    }),
  };
}

function openAnswer({ door, ip, left }: OpenDoorInfo): Answer {
  return { type: "open", door, ip, left: left === undefined ? null : Math.round(left * 10) / 10 };
}

/** As many of them as so many bytes hold, and how many more there are. */
function upTo<T>(what: "door" | "open", all: Iterable<T>, count: number, answer: (one: T) => Answer): Answer[] {
  const answers: Answer[] = [];
  let bytes = 0;
  for (const one of all) {
    const next = answer(one);
    bytes += JSON.stringify(next).length;
    if (bytes > MOST_BYTES) break;
    answers.push(next);
  }
  const more = count - answers.length;
  return more === 0 ? answers : [...answers, { type: "more", of: what, count: more }];
}
