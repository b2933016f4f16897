// Verdicts in words, without a port: who may read them is not to learn a sequence.

import { plural } from "../terminal/plural.ts";
import type { Verdict } from "./verdict.ts";

/** `openSSH: Stage 2 of 3, 0.5 s after the first knock`; a packet of no door in particular has no name before it. */
export function verdictLine(verdict: Verdict): string {
  const at = verdict.door === undefined ? "" : `${verdict.door}: `;
  const times = verdict.times > 1 ? ` (${verdict.times} times)` : "";
  return `${at}${text(verdict)}${times}`;
}

function text({ fate, door, stage, of, detail }: Verdict): string {
  switch (fate) {
    case "stage":
      return `Stage ${stage} of ${of}${stage > 1 ? `, ${seconds(detail)} after the first knock` : ""}`;
    case "open":
      return "OPEN SESAME";
    case "held":
      return "done as fast as a scan does it: it is waited a moment for what else comes";
    case "timeout":
      return `sequence timeout (stage ${stage})`;
    case "late":
      return `too late by ${seconds(detail)} for Stage ${stage + 1}`;
    case "again":
      return "ignored: the same packet, sent again because no answer came";
    case "twice":
      return `ignored: the knock of Stage ${stage} once more`;
    case "wrong":
      return `not the knock of Stage ${stage + 1}: the attempt is void`;
    case "flags":
      return `ignored: TCP flags that ${door === undefined ? "no door wants" : "this door does not want"} (TCPFlags)`;
    case "address":
      return `ignored: not to our address${door === undefined ? "" : ", or not to the door's Target"}`;
    case "banned":
      return `ignored: a scanner, for ${seconds(detail)} more`;
    case "cooldown":
      return `ignored: it has just opened for him (Seq_Cooldown), for ${seconds(detail)} more`;
    case "taken":
      return "ignored as a first knock: the packet made a stage at another door";
    case "later":
      return "ignored: a later knock of a sequence that was not under way";
    case "used":
      return "its one-time sequence has been used";
    case "changed":
      return "the config has changed: the attempt is void";
    case "stray":
      return "a port that is no knock, in the middle of a sequence";
    case "scan":
      return `a scan: ${plural(detail, "other port")} touched in the middle of a sequence: the attempt is void`;
    case "answer":
      return "ignored: it may answer a connection of this host, whose ports of outgoing connections it went to";
    case "other":
      return "ignored: no knock of any door";
  }
}

/** `0.35 s`, `12 s`. */
export function seconds(milliseconds: number): string {
  const value = Math.max(0, milliseconds) / 1000;
  return `${value < 10 ? Number(value.toFixed(2)) : Math.round(value)} s`;
}
