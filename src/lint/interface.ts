// Checks Interface: knockd does not start with a name that no interface can have.

import { isImpossible } from "../capture/asked-interfaces.ts";
import { interfaceWords } from "../capture/interfaces.ts";
import type { Config } from "../config/door.ts";
import type { Snapshot } from "../platform/native.ts";
import { atLine, type Finding } from "./finding.ts";

/** `interfaces`: those of this host. */
export function lintInterface(config: Config, interfaces: Snapshot): Finding[] {
  const { options } = config;
  const wrong = interfaceWords(options.interface ?? "").find((word) => isImpossible(word, interfaces));
  if (wrong === undefined) return [];
  const what = `no interface can have the name "${wrong}": knockd does not start`;
  const hint = 'List the interfaces with "ip -brief link". Separate several names by commas.';
  return [atLine({ config, of: options, directive: "interface", severity: "error" }, "interface", what, hint)];
}
