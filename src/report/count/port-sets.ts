// Counts the sets of ports that sources tried together.

import type { PortSetRow } from "../report.ts";
import { portsOf, type Source } from "./sources.ts";

/** A source that tries more ports scans all of them, so its set says nothing. */
const MAX_PORTS = 12;

export interface PortSets {
  /** Sorted: the set that most sources tried comes first. */
  readonly rows: PortSetRow[];
  /** The number of sources that tried too many ports. */
  readonly many: number;
}

/** `name`: returns the name of a port for its `portKey`. */
export function portSets(sources: Iterable<Source>, name: (key: number) => string): PortSets {
  const sets = new Map<string, { readonly keys: readonly number[]; sources: number }>();
  let many = 0;
  for (const source of sources) {
    const count = portsOf(source);
    if (count > MAX_PORTS) many++;
    if (count < 2 || count > MAX_PORTS) continue;
    const keys = [...source.ports].sort((a, b) => a - b);
    const set = sets.get(keys.join());
    if (set === undefined) sets.set(keys.join(), { keys, sources: 1 });
    else set.sources++;
  }
  const sorted = [...sets.values()].sort(
    (a, b) => b.sources - a.sources || a.keys.length - b.keys.length || order(a.keys, b.keys),
  );
  return { rows: sorted.map((set) => ({ ports: set.keys.map(name), sources: set.sources })), many };
}

function order(a: readonly number[], b: readonly number[]): number {
  const at = a.findIndex((key, i) => key !== b[i]);
  return at < 0 ? 0 : a[at]! - b[at]!;
}
