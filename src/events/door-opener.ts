// The one interface by which doors are opened and closed. The packet loop opens doors through it, the commands of
// `knockctl` open, close and list them. doors/ implements it. It stands here because control/ must not import doors/.

import type { Door } from "../config/door.ts";
import type { Address } from "../net/address.ts";
import type { ExpectedKnock } from "../net/expected-knock.ts";
import type { CommandOutcome, DoorRefusal, OpenDoorInfo } from "./door-outcome.ts";

/** What the kernel has done for a client, as firewall/ has it; undefined: the door needs a command. */
export type LetIn = "opened" | "extended" | { readonly failed: string } | undefined;

export interface DoorOpener {
  /** The number of open doors. */
  readonly size: number;
  /** Each door that will be closed again, and for whom. */
  openDoors(): Iterable<OpenDoorInfo>;
  /** Where a door needs no command: the kernel has let the client in when this returns. Nothing is logged yet. */
  letIn(door: Door, knocker: Address): LetIn;
  /** Has the addon let the client in at this knock, if it is the next packet and `letIn` would let it in. */
  expect?(door: Door, knock: ExpectedKnock): void;
  /** Ends that. Closes a door again that the addon has opened and `letIn` has not. */
  endExpectation?(): void;
  /**
   * Opens a door for a client that has knocked. Returns at once; `onDone` is called when the door is open or refused.
   * `letIn`, when it has been called already, is what it has returned.
   */
  open(door: Door, knocker: Address, onDone?: (outcome: CommandOutcome) => void, letIn?: LetIn): void;
  /** Opens it as a knock does, and logs that this was done by hand. */
  openByHand(door: Door, knocker: Address): Promise<CommandOutcome>;
  /** Closes it now. `door` is the name: the door may be in no config any more. */
  closeByHand(door: string, knocker: Address): Promise<CommandOutcome>;
  /** Puts off the closing. Resolves with the seconds that are left. */
  extendByHand(door: string, knocker: Address, seconds: number): Promise<number | DoorRefusal>;
}
