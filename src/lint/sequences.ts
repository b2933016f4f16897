// Finds sequences that are easy to guess, and sequences that open more than their own door.

import type { Config, Door } from "../config/door.ts";
import { doorWeakness } from "../config/weak-doors.ts";
import { formatSequence } from "../sequences/sequence.ts";
import { atLine, type Finding } from "./finding.ts";
import { opensWith } from "./rehearsal.ts";

const MANY_TIMES = 3;

export function lintSequences(config: Config): Finding[] {
  const doors = config.doors.filter(({ sequence }) => sequence.length > 0);
  const opened = new Map(doors.map((door) => [door, openedBy(doors, door)]));
  return doors.flatMap((door) => [
    ...weak(config, door),
    ...samePort(config, door),
    ...together(config, door, opened, doors),
  ]);
}

function weak(config: Config, door: Door): Finding[] {
  const why = doorWeakness(door);
  if (why === undefined) return [];
  const hint =
    "Choose at least three ports of your own, in neither ascending nor descending order. If the sequence is meant to be easy, set Easy = yes.";
  return [atLine({ config, of: door, directive: "sequence" }, "weak-sequence", why, hint)];
}

/** A door with one or two knocks is weak anyway. */
function samePort(config: Config, door: Door): Finding[] {
  const times = new Map<string, number>();
  for (const knock of door.sequence) {
    const one = formatSequence([knock]);
    times.set(one, (times.get(one) ?? 0) + 1);
  }
  const most = Math.max(...times.values());
  if (most < MANY_TIMES || door.policy.easy) return [];
  const what =
    times.size === 1
      ? "every knock has the same port: a client that retries its connection opens the door"
      : `${most} of ${door.sequence.length} knocks have the same port, which makes the sequence easier to guess`;
  return [
    atLine({ config, of: door, directive: "sequence" }, "same-port", what, "Use a different port for each knock."),
  ];
}

/** Knocking at the other door opens this one on the way, or the same sequence opens both. */
function together(
  config: Config,
  door: Door,
  opened: ReadonlyMap<Door, ReadonlySet<Door>>,
  doors: readonly Door[],
): Finding[] {
  const about = { config, of: door, directive: "sequence" };
  const begin = `${formatSequence(door.sequence)},`;
  return doors.flatMap((other, i) => {
    if (other === door || !opened.get(other)!.has(door)) return [];
    if (opened.get(door)!.has(other)) {
      if (i > doors.indexOf(door)) return []; // report it once, at the later door
      const what = `the sequence is the same as that of [${other.name}]: it opens both doors`;
      return [atLine(about, "same-sequence", what, "Give one of the doors another sequence.")];
    }
    const how = formatSequence(other.sequence).startsWith(begin) ? "begins with" : "contains";
    const what = `the sequence of [${other.name}] ${how} this one: knocking there opens this door, too`;
    return [atLine(about, "sequence-begins-another", what, "Begin one of the two sequences with another port.")];
  });
}

/** The doors that this door's sequence opens. */
function openedBy(doors: readonly Door[], door: Door): ReadonlySet<Door> {
  const knocks = new Set(door.sequence.map((knock) => formatSequence([knock])));
  const others = doors.filter(
    ({ sequence, target }) =>
      target?.host === door.target?.host && sequence.every((knock) => knocks.has(formatSequence([knock]))),
  );
  return others.length > 1 ? opensWith(door, others) : new Set([door]);
}
