// The command `follow`: the verdict of every packet of a source as it arrives. The kernel's filter passes all of them meanwhile.

import { explain } from "../../history/explanation.ts";
import type { Verdict } from "../../history/verdict.ts";
import type { PacketsView } from "../daemon-view.ts";
import { isSet, onlyForRoot, Refusal, type StreamHandler } from "../handler.ts";
import { addressIn, verdictAnswer } from "./explain.ts";

/** A flood of packets must not become a flood of JSON. */
const MAX_A_SECOND = 100;

/** For root, because it changes the filter. `args`: `ip`; `secrets`: show ports. */
export function follow(packetLoop: Pick<PacketsView, "history" | "follow">): StreamHandler {
  return (request, send) => {
    onlyForRoot(request);
    const source = addressIn(request);
    const secrets = isSet(request.args, "secrets");
    let second = 0;
    let sent = 0;
    const onVerdict = (verdict: Verdict) => {
      const now = performance.now();
      if (now - second >= 1000) [second, sent] = [now, 0];
      if (++sent > MAX_A_SECOND) return;
      const { history } = packetLoop;
      // A late knock is recognised only together with the verdicts before it.
      const isLater = verdict.kind === "later";
      const known = isLater ? explain(history.of(source), history.changes, now).verdicts.at(-1)! : verdict;
      send(verdictAnswer({ ...known, times: 1 }, secrets));
    };
    const end = packetLoop.follow(source, onVerdict);
    if (end === undefined) throw new Refusal("another address is being followed already");
    return end;
  };
}
