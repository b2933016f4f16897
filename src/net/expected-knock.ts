// The knock that would open a door at once, if it is the next packet. While it is awaited, the addon opens the door without
// waiting for JavaScript (native/expected_knock.h).

import type { Address } from "../net/address.ts";

export interface ExpectedKnock {
  readonly source: Address;
  readonly destination: Address;
  readonly port: number;
  /** 6 is TCP, 17 UDP. */
  readonly protocol: number;
  /** As in net/packet.ts. */
  readonly flags: number;
  /** Milliseconds from now: it opens no door before this time. */
  readonly soonest: number;
  /** Milliseconds from now: nor at this time or later. */
  readonly latest: number;
}
