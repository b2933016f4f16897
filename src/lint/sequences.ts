// Sequences that a stranger finds, and sequences that open more than their door.

import type { Config, Door } from "../config/door.ts";
import { formatSequence } from "../config/sequence.ts";
import { doorWeakness } from "../config/weak.ts";
import { type Finding, warning } from "./finding.ts";

export function lintSequences(config: Config): Finding[] {
  return config.doors.flatMap((door) => [...weak(config, door), ...beginnings(config, door)]);
}

function weak(config: Config, door: Door): Finding[] {
  const why = doorWeakness(door);
  if (why === undefined) return [];
  const hint =
    "choose three ports or more of your own, neither ascending nor descending; or, if it is meant so: Easy = yes";
  return [warning({ config, of: door, directive: "sequence" }, "weak-sequence", why, hint)];
}

/** Who knocks at the other one opens this one on his way. */
function beginnings(config: Config, door: Door): Finding[] {
  const begin = `${formatSequence(door.sequence)},`;
  const others = config.doors.filter(
    (other) => formatSequence(other.sequence).startsWith(begin) && hostOf(other) === hostOf(door),
  );
  return others.map((other) =>
    warning(
      { config, of: door, directive: "sequence" },
      "sequence-begins-another",
      `its sequence is the beginning of ${other.name}'s: who knocks there opens this door, too`,
      "begin one of them otherwise",
    ),
  );
}

const hostOf = ({ target }: Door): string | undefined => target?.host;
