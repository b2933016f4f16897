// The command `follow`: what becomes of all that a source sends, as it comes; also of what the kernel else keeps from us.

import { explain } from "../../history/explanation.ts";
import type { Verdict } from "../../history/verdict.ts";
import type { PacketsView } from "../daemon-view.ts";
import { isSet, onlyForRoot, Refusal, type Stream } from "../handler.ts";
import { addressIn, verdictAnswer } from "./explain.ts";

/** One who floods us must not become a flood of JSON. */
const MOST_A_SECOND = 100;

/** For root, as it changes what is looked at. `args`: `ip`; `secrets`: the ports too. */
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
      if (++told > MOST_A_SECOND) return;
      const { history } = packetLoop;
      // Only with what came before it is it known that a knock was late.
      const isLater = verdict.fate === "later";
      const known = isLater ? explain(history.of(source), history.changes, now).verdicts.at(-1)! : verdict;
      tell(verdictAnswer({ ...known, times: 1 }, secrets));
    };
    const end = packetLoop.follow(source, onVerdict);
    if (end === undefined) throw new Refusal("another one is being followed");
    return end;
  };
}
