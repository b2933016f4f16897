// What a person reads to knock with a code: where the digits go, and one line for a shell.

import type { Client } from "../codes/client.ts";
import { DIGITS_BLOCK, digitPlaces, portsOf } from "../codes/derive.ts";
import { shellLine } from "../codes/shell-line.ts";

/** Stands for the two digits that the code supplies. */
const DOTS = "··";
/** Example codes for the card. They belong to no client. */
const EXAMPLE = { 6: 492039, 8: 49203917 } as const;

const hundreds = ({ blocks }: Pick<Client, "blocks">) => blocks.map((first) => first / DIGITS_BLOCK);

/** `73·· 71·· 72··` */
export function portPattern(client: Pick<Client, "blocks">): string {
  return hundreds(client)
    .map((hundred) => `${hundred}${DOTS}`)
    .join(" ");
}

/** For a `code` or `list` client. */
export function card(host: string, client: Pick<Client, "blocks" | "digits" | "protocol">): string {
  const digits = client.digits === 8 ? 8 : 6;
  const code = String(EXAMPLE[digits]);
  const ports = portsOf(client.blocks, digitPlaces(Number(code), digits)).join(" ");
  const groups = code.replace(/..(?!$)/g, "$& ");
  const kind = client.protocol === "udp" ? " by UDP" : "";
  return `knock ${host}${kind} on  ${portPattern(client)}
Replace the dots with the ${digits === 8 ? "eight" : "six"} digits of the code, two for each port.
For example, code ${groups} means  ${ports}`;
}

/** For a shell on any machine. For a code it begins with `set -- 492039`, where the user puts the code. */
export function commandLine(host: string, client: Client): string {
  const place = host.includes(":") ? `[${host}]` : host;
  if (client.kind === "key") return shellLine(client, place);
  const code = EXAMPLE[client.digits === 8 ? 8 : 6];
  const ports = hundreds(client).map((hundred, i) => `${hundred}$${i + 1}`);
  const knock = client.protocol === "udp" ? `echo | nc -u -w 1 ${host} $p` : `curl -s --max-time 1 http://${place}:$p`;
  // No knock waits for the one before: an observer could complete a slow client's code (docs/codes.md).
  const send = `${knock} & sleep 0.2`;
  return `set -- $(echo ${code} | sed 's/../& /g'); for p in ${ports.join(" ")}; do ${send}; done; wait`;
}
