// Explains why a knock did not count: the last packets of a source, the verdict on each, and what to do.

import { advice } from "./advice.ts";
import type { DoorChanges } from "./door-changes.ts";
import type { Verdict } from "./verdict.ts";

/** The maximum of packets in an explanation. */
const MAX = 32;
/** A packet that arrives later than this after an attempt's timeout does not belong to it. */
const LATEST_MS = 60_000;

export interface Explanation {
  /** Oldest first. */
  readonly verdicts: readonly Verdict[];
  readonly packets: number;
  /** Did the last packet open a door? */
  readonly outcome: "opened" | "not opened" | "nothing seen";
  readonly advice: string;
}

/** `noted`: what the packet history knows about one source. `now` in milliseconds. */
export function explain(noted: readonly Verdict[], changes: DoorChanges, now: number): Explanation {
  const all = withChanges(withLate(noted, changes), changes);
  const starts = all.flatMap((_, i) => (isNewPacket(all, i) ? [i] : []));
  const verdicts = all.slice(starts.length > MAX ? starts.at(-MAX) : 0);
  const packets = Math.min(starts.length, MAX);
  if (packets === 0) return { verdicts: [], packets, outcome: "nothing seen", advice: advice([], changes, now) };
  const decisive = verdicts.filter(({ kind }) => kind !== "again" && kind !== "taken");
  const outcome = decisive.at(-1)?.kind === "open" ? "opened" : "not opened";
  return {
    verdicts,
    packets,
    outcome,
    advice: advice(decisive.length > 0 ? decisive : verdicts, changes, now, verdicts),
  };
}

/** These verdicts follow a `stage` verdict on the same packet. */
const FOLLOWS_A_STAGE: ReadonlySet<Verdict["kind"]> = new Set([
  ...(["held", "accepted", "first", "contested", "replay", "repeat", "clock", "refused", "busy", "wrongCode"] as const),
]);

/** Verdicts on the same packet follow each other. A verdict caused by time belongs to no packet. */
function isNewPacket(all: readonly Verdict[], i: number): boolean {
  const { knock, at, door, kind } = all[i]!;
  if (knock === undefined || FOLLOWS_A_STAGE.has(kind)) return false;
  for (let before = i - 1; before >= 0 && all[before]!.at === at; before--) {
    const other = all[before]!;
    if (other.knock === undefined) continue;
    return other.knock.port !== knock.port || other.knock.protocol !== knock.protocol || other.door === door;
  }
  return true;
}

/** Replaces the first knock that continues an attempt after its timeout by `late`. */
function withLate(noted: readonly Verdict[], changes: DoorChanges): Verdict[] {
  const over = new Map<string, Verdict>();
  return noted.map((verdict) => {
    const { kind, door, at, knock } = verdict;
    if (kind === "timeout") over.set(door!, verdict);
    else if (door !== undefined) over.delete(door); // a newer verdict of this door
    if (kind !== "later") return verdict;
    for (const [name, timeout] of over) {
      const next = changes.door(name)?.sequence[timeout.stage];
      const late = at - (timeout.at - timeout.detail);
      if (next?.port !== knock?.port || next?.protocol !== knock?.protocol || late > LATEST_MS) continue;
      over.delete(name);
      return { ...verdict, kind: "late", door: name, stage: timeout.stage, of: timeout.of, detail: late };
    }
    return verdict;
  });
}

/** Inserts the end of attempts that were live when their door changed. */
function withChanges(noted: readonly Verdict[], changes: DoorChanges): Verdict[] {
  const all = [...noted];
  for (const door of new Set(noted.map((verdict) => verdict.door))) {
    const change = door === undefined ? undefined : changes.last(door);
    if (change === undefined) continue;
    const before = noted.filter((verdict) => verdict.door === door && verdict.at <= change.at).at(-1);
    if (before === undefined || !isUnderWay(before)) continue;
    const after = all.findIndex(({ at }) => at > change.at);
    const kind = change.why;
    const ended: Verdict = { ...before, at: change.at, kind, detail: 0, times: 1, knock: undefined };
    all.splice(after < 0 ? all.length : after, 0, ended);
  }
  return all;
}

/** Is an attempt live after this? */
export function isUnderWay({ kind, stage, of }: Verdict): boolean {
  return stage > 0 && stage < of && ["stage", "twice", "flags", "address"].includes(kind);
}
