// The command `status`: interfaces, doors, counts and recent warnings.

import { performance } from "node:perf_hooks";
import type { Door } from "../../config/door.ts";
import type { CaptureView, DaemonView } from "../daemon-view.ts";
import { isSet, type Question } from "../handler.ts";
import type { Answer, Hearing } from "../protocol.ts";
import { listening, standing } from "./doors.ts";

/** A wall clock that is so far off what it was has been set; below, two readings differ by themselves. */
const CLOCK_WAS_SET_MS = 1000;

export function status(view: DaemonView): (question: Question) => readonly Answer[] {
  const begun = performance.now();
  let since = wallClock(begun);
  return (question) => {
    const sinceNow = wallClock(begun);
    if (Math.abs(Date.parse(sinceNow) - Date.parse(since)) > CLOCK_WAS_SET_MS) since = sinceNow;
    const { supervisor, resolvedDoors, packetLoop, doorService, eventLog, recent } = view;
    const captureView = supervisor();
    const { patterns, report, captures } = captureView;
    const { stages, opens, timeouts, scans, commandsFailed } = eventLog.counts;
    const secrets = isSet(question.args, "secrets");
    return [
      {
        type: "status",
        since,
        interfaces: patterns.join(","),
        doors: resolvedDoors().length,
        live: packetLoop.live,
        open: doorService.doors.size,
        counts: { stages, opens, timeouts, scans, commandsFailed },
        ...(resolvedDoors().some(({ door }) => needsClock(door)) && { clockSet: view.isClockSet() }),
      },
      ...report.map((one): Answer => ({ type: "interface", ...one, ...hearing(captures.all.get(one.interface)) })),
      ...captureView.unheard(resolvedDoors()).map((one): Answer => ({ type: "unheard", ...one })),
      ...listening(view, question),
      ...standing(view),
      ...[...eventLog.counts.codes.values()].map((one): Answer => ({ type: "codes", ...one })),
      ...recent.lines.map(
        ({ time, line }): Answer => ({
          type: "trouble",
          time: time.toISOString(),
          line: secrets ? line : withoutConfig(line),
        }),
      ),
    ];
  };
}

/** The codes of a list are counted, all others are of a time. */
function needsClock({ clients }: Door): boolean {
  return clients.some(({ kind }) => kind !== "list");
}

function hearing(state: CaptureView | undefined): Hearing | undefined {
  if (state === undefined) return undefined;
  const { capture: listening, testedAt } = state;
  const tested = testedAt === undefined ? {} : { tested: wallClock(testedAt) };
  try {
    const { received, dropped } = listening.stats;
    return { filter: listening.instructions, packets: { seen: received, dropped }, ...tested };
  } catch {
    return { filter: listening.instructions, ...tested }; // it has just gone
  }
}

/** A time of the monotonic clock by the wall clock of now: a Pi's jumps by years when it first hears of the time. */
function wallClock(at: number): string {
  return new Date(Date.now() - (performance.now() - at)).toISOString();
}

/** A complaint about the config quotes the line, which may contain a sequence. */
function withoutConfig(line: string): string {
  return line.replace(
    /^(config: (?:line \d+: )?).*$/s,
    "$1not shown here, because it may contain a sequence; run: knockctl check",
  );
}
