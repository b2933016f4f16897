import { native } from "./native.ts";

/** Does somebody keep the clock of this host right? */
export function isClockSet(): boolean {
  return native.isClockSet();
}
