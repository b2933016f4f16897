// Checks Interface: knockd does not start with a name that no interface can have.

import { isImpossible } from "../capture/asked-interfaces.ts";
import { interfaceWords } from "../capture/interfaces.ts";
import type { Config } from "../config/door.ts";
import type { Snapshot } from "../platform/native.ts";
import { atLine, type Finding } from "./finding.ts";

/** `interfaces`: the interfaces of this host. */
export function lintInterface(config: Config, interfaces: Snapshot): Finding[] {
  const { options } = config;
  const words = interfaceWords(options.interface ?? "");
  const wrong = words.find((word) => isImpossible(word, interfaces));
  if (wrong === undefined) return words.flatMap((word) => printed(config, word, interfaces));
  const what = `no interface can have the name "${wrong}": knockd does not start`;
  const hint = 'List the interfaces with "ip -brief link". Separate several names by commas.';
  return [atLine({ config, of: options, directive: "interface", severity: "error" }, "interface", what, hint)];
}

/** `ip link` prints `eth0@if7`: an interface and what it is connected with. */
function printed(config: Config, word: string, { links }: Snapshot): Finding[] {
  const name = word.split("@", 1)[0]!;
  const isThere = (one: string) => links.some((link) => link.name === one);
  if (name === word || isThere(word) || !isThere(name)) return [];
  const what = `there is no interface "${word}". ip prints ${name} this way, and what it is connected with`;
  return [
    atLine({ config, of: config.options, directive: "interface" }, "interface", what, `Write: Interface = ${name}`),
  ];
}
