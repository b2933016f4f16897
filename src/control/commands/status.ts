// The command `status`: interfaces, doors, counts and recent warnings.

import { performance } from "node:perf_hooks";
import type { Door } from "../../config/door.ts";
import type { CaptureView, DaemonView } from "../daemon-view.ts";
import { type ClientRequest, isSet } from "../handler.ts";
import type { Answer, CaptureDetails } from "../protocol.ts";
import { listening, standing } from "./doors.ts";

/** Two readings of the clocks differ by less. A larger difference means that the wall clock was set. */
const CLOCK_WAS_SET_MS = 1000;

export function status(view: DaemonView): (request: ClientRequest) => readonly Answer[] {
  const begun = performance.now();
  let since = wallClock(begun);
  return (request) => {
    const sinceNow = wallClock(begun);
    if (Math.abs(Date.parse(sinceNow) - Date.parse(since)) > CLOCK_WAS_SET_MS) since = sinceNow;
    const { supervisor, resolvedDoors, packetLoop, doorService, eventLog, recent } = view;
    const captureView = supervisor();
    const { patterns, report, captures } = captureView;
    const { stages, opens, timeouts, scans, commandsFailed } = eventLog.counts;
    const secrets = isSet(request.args, "secrets");
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
      ...report.map(
        (one): Answer => ({ type: "interface", ...one, ...captureDetails(captures.all.get(one.interface)) }),
      ),
      ...captureView.uncovered(resolvedDoors()).map((one): Answer => ({ type: "unheard", ...one })),
      ...listening(view, request),
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

/** Codes depend on the time, except those of a list. */
function needsClock({ clients }: Door): boolean {
  return clients.some(({ kind }) => kind !== "list");
}

function captureDetails(state: CaptureView | undefined): CaptureDetails | undefined {
  if (state === undefined) return undefined;
  const { capture: listening, testedAt } = state;
  const tested = testedAt === undefined ? {} : { tested: wallClock(testedAt) };
  try {
    const { received, dropped } = listening.stats;
    return { filter: listening.instructions, packets: { seen: received, dropped }, ...tested };
  } catch {
    return { filter: listening.instructions, ...tested }; // the interface has just disappeared
  }
}

/**
 * Converts a monotonic time with the current wall clock: a Pi's jumps by years when it gets the time from the network.
 */
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
