// Who watches the state machine at work. Events (event.ts) tell what has come about; a witness is told of each packet that
// may mean something what has become of it, and so also why nothing has.

import type { Address } from "../address.ts";
import type { DoorState } from "./ears.ts";

/** Numbers, not words: in a flood they are written into typed arrays (verdicts/). */
export const FATE = {
  /** The knock that was next. Detail: milliseconds since the first. */
  stage: 0,
  open: 1,
  /** It would open, but was so fast that it may be a scan's (haste.ts). */
  held: 2,
  /** No packet's: the attempt is over. Detail: since so many milliseconds. */
  timeout: 3,
  /** Sent again because no answer came: the same segment. */
  again: 4,
  /** The knock that was made last, from a new port. */
  twice: 5,
  /** Not the knock that was next: the attempt is void. */
  wrong: 6,
  flags: 7,
  address: 8,
  /** Detail: milliseconds for which it goes on; so with `cooldown`. */
  banned: 9,
  cooldown: 10,
  /** It is the first knock here, but has moved an attempt at another door. */
  taken: 11,
  /** Some door's knock, but no first one, and no attempt waits for it. */
  later: 12,
  /** The one-time sequence has let somebody in. */
  used: 13,
  /** No door's knock, in the middle of a sequence. */
  stray: 14,
  /** The stray that was one too many. Detail: how many ports. */
  scan: 15,
  /** No door's knock, and nobody's stray. */
  other: 16,
} as const;

export type Fate = keyof typeof FATE;

export interface Witness {
  /**
   * `at`: the door, where it is one's. `stage`: of the attempt there, after this packet. `key`: the packet's (knockKey);
   * undefined where time has brought it about. `source` is not kept. `hash`: the source's, keyed. `now` in milliseconds.
   */
  saw(
    fate: number,
    at: DoorState | undefined,
    stage: number,
    source: Address,
    hash: number,
    key: number | undefined,
    now: number,
    detail: number,
  ): void;
}
