// The command `explain`: the last packets of a source, the verdict of each, and what to do.

import { verdictLine } from "../../history/describe.ts";
import { explain as explanationOf } from "../../history/explanation.ts";
import type { PacketHistory } from "../../history/packet-history.ts";
import type { Verdict } from "../../history/verdict.ts";
import { type Address, formatAddress, parseAddress } from "../../net/address.ts";
import { wallClock } from "../../platform/wall-clock.ts";
import { type ClientRequest, type Handler, isSet, onlyForRoot, Refusal, requireString } from "../handler.ts";
import type { Answer } from "../protocol.ts";

/** `args`: `ip`, or `last`; `secrets`, for root: the ports too. */
export function explain(history: PacketHistory): Handler {
  return (request) => {
    const { args } = request;
    const secrets = isSet(args, "secrets");
    if (secrets) onlyForRoot(request);
    const source = isSet(args, "last") ? history.last() : addressIn(request);
    if (source === undefined) throw new Refusal("no client has knocked since knockd started");
    const now = performance.now();
    const { verdicts, packets, outcome, advice } = explanationOf(history.of(source), history.changes, now);
    const flood = now - history.passedOverAt;
    return [
      ...verdicts.map((verdict) => verdictAnswer(verdict, secrets)),
      {
        type: "explanation",
        ip: formatAddress(source),
        packets,
        outcome,
        advice,
        ...(flood < Number.POSITIVE_INFINITY ? { secondsSinceFlood: Math.round(flood / 1000) } : {}),
      },
    ];
  };
}

/** Throws Refusal. */
export function addressIn({ args }: ClientRequest): Address {
  const text = requireString(args, "ip");
  const address = parseAddress(text);
  if (address === undefined) throw new Refusal(`"${text}" is not an IP address`);
  return address;
}

export function verdictAnswer(verdict: Verdict, secrets: boolean): Answer {
  const { at, knocker, kind, door, stage, of, times, knock } = verdict;
  return {
    type: "verdict",
    time: new Date(wallClock.at(at)).toISOString(),
    ip: formatAddress(knocker),
    verdict: kind,
    ...(door === undefined ? {} : { door }),
    ...(stage > 0 ? { stage } : {}),
    ...(of > 0 ? { of } : {}),
    times,
    text: verdictLine(verdict),
    ...(secrets && knock !== undefined ? { knock: `${knock.port}:${knock.protocol}` } : {}),
  };
}
