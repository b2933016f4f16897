// What `knockctl watch` is told as it happens, one JSON object per event.

import { formatAddress } from "../net/address.ts";
import type { KnockEvent } from "./knock-event.ts";

/** What happens at the doors, as a plain value. */
export type DaemonEvent =
  | { readonly event: "stage" | "timeout"; readonly ip: string; readonly door: string; readonly stage: number }
  | { readonly event: "open"; readonly ip: string; readonly door: string }
  /** The start or the stop command has ended with this status; null: it could not be started. */
  | { readonly event: "opened" | "closed"; readonly ip: string; readonly door: string; readonly status: number | null }
  | { readonly event: "scan"; readonly ip: string; readonly ports: number; readonly seconds: number }
  /** What became of a packet that has brought about nothing of all this; `text` says it in words. */
  | {
      readonly event: "verdict";
      readonly ip: string;
      readonly verdict: string;
      readonly door?: string;
      readonly text: string;
    }
  /** So many more were not told. */
  | { readonly event: "held back"; readonly count: number; readonly kind: string };

export function daemonEventOf(event: KnockEvent): DaemonEvent {
  const ip = formatAddress(event.knocker);
  if (event.type === "scan") return { event: "scan", ip, ports: event.ports, seconds: event.seconds };
  const at = { ip, door: event.door.name };
  if (event.type === "open") return { event: "open", ...at };
  return { event: event.type, ...at, stage: event.stage };
}
