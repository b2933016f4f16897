// The command `follow`: the verdict of every packet of a source as it arrives. The kernel's filter passes all of them meanwhile.

import { explain } from "../../history/explanation.ts";
import type { Verdict } from "../../history/verdict.ts";
import type { PacketsView } from "../daemon-view.ts";
import { isSet, onlyForRoot, Refusal, type Stream } from "../handler.ts";
import { addressIn, verdictAnswer } from "./explain.ts";

/** A flood of packets must not become a flood of JSON. */
const MAX_A_SECOND = 100;

/** For root, because it changes the filter. `args`: `ip`; `secrets`: show ports. */
export function follow(packetLoop: Pick<PacketsView, "history" | "follow">): Stream {
  return (question, tell) => {
    onlyForRoot(question);
    const source = addressIn(question);
    const secrets = isSet(question.args, "secrets");
    let second = 0;
    let told = 0;
    const onVerdict = (verdict: Verdict) => {
      const now = performance.now();
      if (now - second >= 1000) [second, told] = [now, 0];
      if (++told > MAX_A_SECOND) return;
      const { history } = packetLoop;
      // A late knock is recognised only together with the verdicts before it.
      const isLater = verdict.kind === "later";
      const known = isLater ? explain(history.of(source), history.changes, now).verdicts.at(-1)! : verdict;
      tell(verdictAnswer({ ...known, times: 1 }, secrets));
    };
    const end = packetLoop.follow(source, onVerdict);
    if (end === undefined) throw new Refusal("another address is being followed already");
    return end;
  };
}
