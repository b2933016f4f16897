// Which interfaces the daemon listens on: those that the user names, otherwise eth0 as in 0.8, otherwise those of the
// default routes.

import { askedInterfaces } from "../capture/asked-interfaces.ts";
import { namesOf } from "../capture/interfaces.ts";
import type { Config } from "../config/door.ts";
import type { Flags } from "../config/settings.ts";
import { interfacesNow } from "../platform/network-interfaces.ts";

/**
 * Returns patterns for capture/interfaces.ts. `before`: the patterns that the daemon has chosen by itself before a reload; it
 * keeps them. Calls `onAuto` with a line for the log if it falls back to the default routes.
 */
export function interfacePatterns(
  flags: Flags,
  config: Config,
  before: readonly string[] | undefined,
  onAuto: (line: string) => void,
): readonly string[] {
  const look = () => interfacesNow(false);
  const asked = askedInterfaces(flags, config, look);
  if (asked !== undefined) return asked;
  if (before !== undefined) return before;
  if (namesOf("eth0", look()).length > 0) return ["eth0"];
  onAuto("there is no eth0, and no Interface is set: listening on the interfaces of the default routes");
  return ["auto"];
}
