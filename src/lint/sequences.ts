// Sequences that a stranger finds, and sequences that open more than their door.

import type { Config, Door } from "../config/door.ts";
import { doorWeakness } from "../config/weak-doors.ts";
import { formatSequence } from "../sequences/sequence.ts";
import { atLine, type Finding, warning } from "./finding.ts";
import { opensWith } from "./rehearsal.ts";

const MANY_TIMES = 3;

export function lintSequences(config: Config): Finding[] {
  const opened = new Map(config.doors.map((door) => [door, openedBy(config, door)]));
  return config.doors.flatMap((door) => [
    ...weak(config, door),
    ...samePort(config, door),
    ...together(config, door, opened),
  ]);
}

function weak(config: Config, door: Door): Finding[] {
  const why = doorWeakness(door);
  if (why === undefined) return [];
  const hint =
    "choose three ports or more of your own, neither ascending nor descending; or, if it is meant so: Easy = yes";
  return [warning({ config, of: door, directive: "sequence" }, "weak-sequence", why, hint)];
}

/** A door of one knock, or two, is weak anyhow. */
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
      ? `knocks ${most} times at one port: whoever tries it so often, as a client that connects again does, opens the door`
      : `knocks ${most} of ${door.sequence.length} times at one port: it is as easily found as a sequence of few ports`;
  return [
    atLine({ config, of: door, directive: "sequence" }, "same-port", what, "use a different port for each knock"),
  ];
}

/** Who knocks at the other one opens this one on his way; or one sequence opens both. */
function together(config: Config, door: Door, opened: ReadonlyMap<Door, ReadonlySet<Door>>): Finding[] {
  const about = { config, of: door, directive: "sequence" };
  const begin = `${formatSequence(door.sequence)},`;
  return config.doors.flatMap((other, i) => {
    if (other === door || !opened.get(other)!.has(door)) return [];
    if (opened.get(door)!.has(other)) {
      if (i > config.doors.indexOf(door)) return []; // it is said of the later one
      const what = `has the sequence of [${other.name}]: whoever knocks at one opens both`;
      return [atLine(about, "same-sequence", what, "give one of them another sequence")];
    }
    const why = formatSequence(other.sequence).startsWith(begin)
      ? `its sequence is the beginning of ${other.name}'s: who knocks there opens this door, too`
      : `its sequence is within ${other.name}'s: who knocks there opens this door, too`;
    return [warning(about, "sequence-begins-another", why, "begin one of them otherwise")];
  });
}

/** The doors that open when this one's sequence is knocked. */
function openedBy(config: Config, door: Door): ReadonlySet<Door> {
  const knocks = new Set(door.sequence.map((knock) => formatSequence([knock])));
  const others = config.doors.filter(
    ({ sequence, target }) =>
      target?.host === door.target?.host && sequence.every((knock) => knocks.has(formatSequence([knock]))),
  );
  return others.length > 1 ? opensWith(door, others) : new Set([door]);
}
