// What a refused config still says about its gate. A mistake in one line must not leave the ports of all doors open.

import type { Network } from "../net/network.ts";
import { withoutComment } from "./directives.ts";
import { type FirewallMode, type OpenedPorts, parseFirewall, parseNetworks, parseOpenedPorts } from "./opening.ts";

export interface ReadableGate {
  /** Without duplicates. */
  readonly ports: readonly OpenedPorts[];
  readonly mode: FirewallMode;
  readonly allow: readonly Network[];
}

/** Reads each line, and each part of a list, on its own. Also takes `open tcp/22` and `open = 22/tcp`. Never throws. */
export function readableGate(text: string): ReadableGate {
  const ports = new Map<string, OpenedPorts>();
  let mode: FirewallMode = { kind: "gate" };
  let allow: readonly Network[] = [];
  for (const line of text.split("\n")) {
    const [, key = "", rest = ""] = /^\s*(\w+)\s*[=:]?\s*(.*?)\s*$/.exec(line) ?? [];
    const value = withoutComment(rest);
    switch (key.toLowerCase()) {
      case "open":
        for (const part of value.split(/[\s,;]+/))
          for (const one of readable(() => parseOpenedPorts(inOrder(part))) ?? []) ports.set(JSON.stringify(one), one);
        break;
      case "firewall":
        mode = readable(() => parseFirewall(value)) ?? mode;
        break;
      case "gate_allow":
        allow = readable(() => parseNetworks(value)) ?? allow;
        break;
    }
  }
  return { ports: [...ports.values()], mode, allow };
}

/** `22/tcp`, the form of ufw and firewalld, and `22` most likely mean `tcp/22`. */
function inOrder(part: string): string {
  return part.replace(/^(\d+(?:-\d+)?)(?:\/(tcp|udp))?$/i, (_, range, protocol = "tcp") => `${protocol}/${range}`);
}

function readable<T>(parse: () => T): T | undefined {
  try {
    return parse();
  } catch {
    return undefined;
  }
}
