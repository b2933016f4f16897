// What attempts/ decides of a packet, or when time has passed, as plain values: log/ renders them, doors/ opens.

import type { Door } from "../config/door.ts";
import type { Address } from "../net/address.ts";

export type KnockEvent =
  | { readonly type: "stage"; readonly door: Door; readonly knocker: Address; readonly stage: number }
  | { readonly type: "open"; readonly door: Door; readonly knocker: Address }
  | { readonly type: "timeout"; readonly door: Door; readonly knocker: Address; readonly stage: number }
  | { readonly type: "scan"; readonly knocker: Address; readonly ports: number; readonly seconds: number };
