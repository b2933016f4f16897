import type { Door } from "../config/door.ts";
import type { Log } from "../log/logger.ts";
import { noSequencesLeft, notStruckOut } from "../log/messages.ts";
import { nextOneTime, type OneTimeFiles, strikeOut } from "../sequences/one-time-file.ts";

/**
 * Strikes out the sequence that has just opened a door. Returns the door with the next one; undefined, which is told, when
 * there is none, or when the file can't be written: the sequence would count again, so the door can't keep its promise.
 */
export function doorAfterUse(
  door: Door,
  path: string,
  log: Pick<Log, "info" | "warn" | "error">,
  files: OneTimeFiles = { nextOneTime, strikeOut },
): Door | undefined {
  try {
    files.strikeOut(path, door.sequence);
    const sequence = files.nextOneTime(path, (why) => log.warn(`config: section ${door.name}: ${why}`));
    if (sequence !== undefined) return { ...door, sequence };
    log.info(noSequencesLeft(door.name));
  } catch (error) {
    log.error(notStruckOut(door, error as Error));
  }
  return undefined;
}
