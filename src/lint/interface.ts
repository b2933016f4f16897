// An Interface that is none: knockd does not start with it.

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
  const what = `Interface "${wrong}": no interface can have this name, and knockd does not start`;
  const hint = "ip -brief link lists those of this host; several have commas between";
  return [atLine({ config, of: options, directive: "interface" }, "interface", what, hint, "error")];
}
