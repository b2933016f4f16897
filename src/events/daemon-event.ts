// The events of `knockctl watch`, one JSON object each.

import { formatAddress } from "../net/address.ts";
import type { CodeDecision } from "./code-decision.ts";
import type { KnockEvent } from "./knock-event.ts";

/** An event as a plain value. */
export type DaemonEvent =
  | { readonly event: "stage" | "timeout"; readonly ip: string; readonly door: string; readonly stage: number }
  | { readonly event: "open"; readonly ip: string; readonly door: string; readonly client?: string }
  /** What a code was found to be; `other`: the address that used it, or claims it too. */
  | {
      readonly event: "code";
      readonly ip: string;
      readonly door: string;
      readonly client: string;
      readonly result: string;
      readonly other?: string;
      readonly seconds?: number;
      readonly why?: string;
      readonly count?: number;
    }
  /** The exit status of the start or stop command. Null: it could not be started. */
  | { readonly event: "opened" | "closed"; readonly ip: string; readonly door: string; readonly status: number | null }
  | { readonly event: "scan"; readonly ip: string; readonly ports: number; readonly seconds: number }
  /** A packet that caused none of the other events. `text` says why. */
  | {
      readonly event: "verdict";
      readonly ip: string;
      readonly verdict: string;
      readonly door?: string;
      readonly text: string;
    }
  /** The number of events that were left out. */
  | { readonly event: "held back"; readonly count: number; readonly kind: string };

export function daemonEventOf(event: KnockEvent): DaemonEvent {
  const ip = formatAddress(event.knocker);
  if (event.type === "scan") return { event: "scan", ip, ports: event.ports, seconds: event.seconds };
  const at = { ip, door: event.door.name };
  if (event.type === "open")
    return { event: "open", ...at, ...(event.client !== undefined && { client: event.client }) };
  if (event.type === "code") return codeEvent(at, event.decision);
  return { event: event.type, ...at, stage: event.stage };
}

function codeEvent(at: { readonly ip: string; readonly door: string }, decision: CodeDecision): DaemonEvent {
  const { client, result } = decision;
  const said = { event: "code", ...at, client, result } as const;
  switch (decision.result) {
    case "contested":
      return { ...said, other: decision.other };
    case "replay":
      return { ...said, ...(decision.other !== undefined && { other: decision.other }) };
    case "clock":
      return { ...said, seconds: decision.seconds };
    case "refused":
      return { ...said, why: decision.why };
    case "wrong":
      return { ...said, count: decision.count };
    default:
      return said;
  }
}
