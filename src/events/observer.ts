// An observer watches the state machine at work. Events (events/knock-event.ts) say what has happened. An observer is told
// the verdict on each packet that may mean something, and so also why nothing has happened.

import type { Address } from "../net/address.ts";
import type { Packet } from "../net/packet.ts";
import type { DoorRef } from "./knock-event.ts";

/** Numbers, not words: in a flood they are written into typed arrays (history/). */
export const VERDICT = {
  /** The knock that was next. Detail: milliseconds since the first. */
  stage: 0,
  open: 1,
  /** It would open, but was so fast that it may be a scan's (held-openings.ts). */
  held: 2,
  /** No packet's: the attempt is over. Detail: for how many milliseconds. */
  timeout: 3,
  /** A packet that finds an attempt's time over. Detail as with `timeout`, which is reported too. */
  late: 4,
  /** Sent again because no answer came: the same segment. */
  again: 5,
  /** The knock that was made last, from a new port. */
  twice: 6,
  /** Not the knock that was next: the attempt is void. */
  wrong: 7,
  flags: 8,
  address: 9,
  /** Detail: milliseconds that are left of the ban. For `cooldown`, of the cooldown. */
  banned: 10,
  cooldown: 11,
  /** It is the first knock here, but has moved an attempt at another door. */
  taken: 12,
  /** Some door's knock, but no first one, and no attempt waits for it. */
  later: 13,
  /** The one-time sequence has been used. */
  used: 14,
  /** No door's knock, in the middle of a sequence. */
  stray: 15,
  /** The stray that was one too many. Detail: how many ports. */
  scan: 16,
  /** No door's knock, and no attempt's stray. */
  other: 17,
  /** It may belong to a connection that this host has opened. */
  answer: 18,
  /** A code (code-attempts.ts). Detail, of this and the next ones: codeDetail. */
  accepted: 19,
  /** The first of two that are needed. */
  first: 20,
  contested: 21,
  replay: 22,
  /** Used before by the same source. */
  repeat: 23,
  /** With the seconds by which the clocks differ. */
  clock: 24,
  /** By its client's own limits. */
  refused: 25,
  /** With how many there are today. */
  wrongCode: 26,
  /** Not compared with all keys. */
  busy: 27,
} as const;

/** So much beside the client's number: 0 to 4095. */
const DETAIL_VALUES = 4096;

/** A client's number in its group, and a number of -2048 to 2047. */
export function codeDetail(client: number, value = 0): number {
  const middle = DETAIL_VALUES / 2;
  return client * DETAIL_VALUES + middle + Math.max(-middle, Math.min(middle - 1, Math.round(value)));
}

export function splitCodeDetail(detail: number): { readonly client: number; readonly value: number } {
  return { client: Math.floor(detail / DETAIL_VALUES), value: (detail % DETAIL_VALUES) - DETAIL_VALUES / 2 };
}

/** Is the detail a codeDetail? */
export function isOfCode(kind: number): boolean {
  return kind >= VERDICT.accepted && kind <= VERDICT.busy;
}

export type VerdictKind = keyof typeof VERDICT;

/** The door of a verdict. */
export interface ObservedDoor {
  readonly ref: DoorRef;
  /** The clients whose codes open it, as details count them. */
  readonly codes: { readonly clients: readonly { readonly name: string }[] } | undefined;
}

export interface Observer {
  /** What else the source of the last packet does at the same moment is of no interest. */
  readonly isSaturated: boolean;
  /** The next verdicts are about this packet, which is not kept. `hash`: of its source, keyed. `now` in milliseconds. */
  begin(packet: Packet, hash: number, now: number): void;
  /** The next verdicts are about attempts of this source, whose time has come without a packet. */
  beginWithout(source: Address, hash: number, now: number): void;
  /** `code`: one of VERDICT. `door`: if it is one door's verdict. `stage`: of the attempt there, afterwards. */
  verdict(code: number, door: ObservedDoor | undefined, stage: number, detail: number): void;
}
