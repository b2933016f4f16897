// The codes of a `list` client, to be printed. Each line is one knock, to be crossed out after use.

import type { Client } from "../codes/client.ts";
import { digitPlaces, hotp, portsOf } from "../codes/derive.ts";

/** `count` codes, beginning with `counter`. */
export function paper(host: string, client: Client, counter: number, count: number): string {
  const { name, door, secret, blocks, digits, protocol } = client;
  const width = String(counter + count - 1).length;
  const lines = Array.from({ length: count }, (_, i) => {
    const code = hotp(secret.bytes, counter + i, digits);
    const ports = portsOf(blocks, digitPlaces(code, digits)).map((port) => String(port).padStart(5));
    return `[ ] ${String(counter + i).padStart(width)}  ${ports.join(" ")}`;
  });
  return `Knocks of ${name} for ${host} (door ${door}${protocol === "udp" ? ", by UDP" : ""})
Use each line once, from the top, and cross it out. The order of the ports does not matter:
  knock -d 200 ${host} PORT PORT PORT PORT

${lines.join("\n")}
`;
}
