// The decisions of attempts/ as plain values: log/ renders them, doors/ opens doors by them.

import type { Address } from "../net/address.ts";
import type { CodeDecision } from "./code-decision.ts";

/** A door as events name it: one object, the same for as long as the door is in use. */
export interface DoorRef {
  /** Unique in this process, because two doors may have the same name. `Attempts.door` finds the door by it. */
  readonly id: number;
  readonly name: string;
  /** The number of knocks in its sequence. */
  readonly knocks: number;
  /** Seconds for the whole sequence. */
  readonly seqTimeout: number;
}

export type KnockEvent =
  | { readonly type: "stage"; readonly door: DoorRef; readonly knocker: Address; readonly stage: number }
  /** `client`: by whose code. */
  | { readonly type: "open"; readonly door: DoorRef; readonly knocker: Address; readonly client?: string | undefined }
  | {
      readonly type: "code";
      readonly door: DoorRef;
      readonly knocker: Address;
      readonly decision: CodeDecision;
      /** How many seconds the source is ignored. */
      readonly banSeconds?: number | undefined;
    }
  | { readonly type: "timeout"; readonly door: DoorRef; readonly knocker: Address; readonly stage: number }
  | { readonly type: "scan"; readonly knocker: Address; readonly ports: number; readonly seconds: number };
