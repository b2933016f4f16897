// A door with one-time sequences, after the one in use has opened it.

import type { Door } from "../config/door.ts";
import type { DoorNotice } from "../events/door-event.ts";
import { nextOneTime, type OneTimeFiles, strikeOut } from "../sequences/one-time-file.ts";

/**
 * Strikes out the sequence that has just opened a door. Returns the door with the next one; undefined, which is reported,
 * when there is none, or when the file can't be written: the sequence would count again, so the door can't keep its promise.
 */
export function doorAfterUse(
  door: Door,
  path: string,
  onNotice: (notice: DoorNotice) => void,
  files: OneTimeFiles = { nextOneTime, strikeOut },
): Door | undefined {
  const { name } = door;
  try {
    files.strikeOut(path, door.sequence);
    const warn = (reason: string) => onNotice({ type: "sequences file warning", door: name, reason });
    const sequence = files.nextOneTime(path, warn);
    if (sequence !== undefined) return { ...door, sequence };
    onNotice({ type: "sequences used up", door: name });
  } catch (error) {
    onNotice({ type: "not struck out", door: name, reason: (error as Error).message });
  }
  return undefined;
}
