// Verdicts in words. They name no port: the group knockd may read them and must not learn a sequence.

import { plural } from "../terminal/plural.ts";
import type { Verdict } from "./verdict.ts";

/** `openSSH: Stage 2 of 3, 0.5 s after the first knock`; a packet of no door in particular has no name before it. */
export function verdictLine(verdict: Verdict): string {
  const at = verdict.door === undefined ? "" : `${verdict.door}: `;
  const times = verdict.times > 1 ? ` (${verdict.times} times)` : "";
  return `${at}${text(verdict)}${times}`;
}

function text({ kind, door, stage, of, detail, client = "a client" }: Verdict): string {
  switch (kind) {
    case "stage":
      return `Stage ${stage} of ${of}${stage > 1 ? `, ${seconds(detail)} after the first knock` : ""}`;
    case "open":
      return "OPEN SESAME";
    case "held":
      return "sequence completed very fast; waiting a moment to rule out a port scan";
    case "timeout":
      return `sequence timeout (stage ${stage})`;
    case "late":
      return `too late by ${seconds(detail)} for Stage ${stage + 1}`;
    case "again":
      return "ignored: retransmission of an earlier packet";
    case "twice":
      return `ignored: the knock of Stage ${stage} came again`;
    case "wrong":
      return `wrong knock for Stage ${stage + 1}; the attempt is void`;
    case "flags":
      return `ignored: TCP flags ${door === undefined ? "match no door" : "do not match this door"} (TCPFlags)`;
    case "address":
      return `ignored: not sent to this host's address${door === undefined ? "" : " or the door's Target"}`;
    case "banned":
      return `ignored: this address scanned ports; banned for ${seconds(detail)} more`;
    case "cooldown":
      return `ignored: opened a moment ago; the cooldown lasts ${seconds(detail)} more`;
    case "taken":
      return "not a first knock here: the packet counted at another door";
    case "later":
      return "ignored: a later knock of a sequence that has not begun";
    case "used":
      return "the one-time sequence is used up; the attempt is void";
    case "changed":
      return "the config has changed; the attempt is void";
    case "stray":
      return "stray: not a knock, during an attempt";
    case "scan":
      return `scan: ${plural(detail, "other port")} touched during an attempt; the attempt is void`;
    case "answer":
      return "ignored: may be a reply to a connection of this host (ephemeral port)";
    case "accepted":
      return `code of ${client} accepted`;
    case "first":
      return `code of ${client} is right; the next one is needed too`;
    case "contested":
      return `code of ${client} came from two addresses; both are refused`;
    case "replay":
      return `code of ${client} was already used by another address`;
    case "repeat":
      return `ignored: code of ${client} came again`;
    case "clock":
      return `code of ${client} is ${seconds(1000 * Math.abs(detail))} ${detail > 0 ? "old" : "ahead"}`;
    case "refused":
      return `code of ${client} is right, and refused: the log says why`;
    case "busy":
      return "code not checked: too many codes at once";
    case "wrongCode":
      return "wrong code";
    case "other":
      return "ignored: not a knock of any door";
  }
}

/** `0.35 s`, `12 s`. */
export function seconds(milliseconds: number): string {
  const value = Math.max(0, milliseconds) / 1000;
  return `${value < 10 ? Number(value.toFixed(2)) : Math.round(value)} s`;
}
