// The command `watch`: events at the doors as they happen.

import type { DaemonEvent } from "../../events/daemon-event.ts";
import { verdictLine } from "../../history/describe.ts";
import type { PacketHistory } from "../../history/packet-history.ts";
import type { Verdict } from "../../history/verdict.ts";
import { formatAddress } from "../../net/address.ts";
import type { EventsView } from "../daemon-view.ts";
import type { StreamHandler } from "../handler.ts";

/** These verdicts arrive as events anyway. Of a code too, unless its address is banned: such tries are in `explain` only. */
const EVENTS: ReadonlySet<Verdict["kind"]> = new Set<Verdict["kind"]>([
  ...(["stage", "open", "timeout", "scan"] as const),
  ...(["accepted", "first", "contested", "replay", "clock", "refused", "busy", "wrongCode"] as const),
]);

/** The packet history makes verdict objects only while a client watches. */
export function watch(doors: EventsView, history: Pick<PacketHistory, "onVerdict">): StreamHandler {
  const onVerdict = (verdict: Verdict) => {
    if (!EVENTS.has(verdict.kind)) doors.verdict(() => eventOf(verdict), verdict.at);
  };
  return (_, send) => {
    const end = doors.subscribe((daemonEvent, time) =>
      send({ type: "event", time: time.toISOString(), ...daemonEvent }),
    );
    history.onVerdict = onVerdict;
    return () => {
      end();
      if (!doors.isWatched) history.onVerdict = undefined;
    };
  };
}

function eventOf(verdict: Verdict): DaemonEvent {
  const { knocker, kind, door } = verdict;
  const at = { event: "verdict", ip: formatAddress(knocker), verdict: kind } as const;
  return { ...at, ...(door === undefined ? {} : { door }), text: verdictLine(verdict) };
}
