// Writes a client as a section of the clients file, and adds or removes a section. All other lines stay as they are.

import type { Client } from "../codes/client.ts";
import { DIGITS_BLOCK } from "../codes/derive.ts";
import { formatNetwork } from "../net/network.ts";

export function clientSection(client: Client): string {
  const { name, door, kind, secret, blocks, protocol, digits, from, hours, expires, bind } = client;
  const size = kind === "key" ? 1 : DIGITS_BLOCK;
  const values: [directive: string, value: string | undefined][] = [
    ["door", door],
    ["kind", kind],
    ["secret", secret.text(kind)],
    ["ports", blocks.map((first) => first / size).join(",")],
    ["digits", kind === "code" && digits !== 6 ? String(digits) : undefined],
    ["proto", protocol === "udp" ? "udp" : undefined],
    ["from", from.length > 0 ? from.map(formatNetwork).join(", ") : undefined],
    ["hours", hours?.text],
    ["expires", expires],
    ["bind", bind ? "yes" : undefined],
  ];
  const lines = values.flatMap(([directive, value]) =>
    value === undefined ? [] : [`    ${directive.padEnd(7)} = ${value}`],
  );
  return `[${name}]\n${lines.join("\n")}\n`;
}

/** The file's text with the section at its end. */
export function withSection(text: string, section: string): string {
  if (text === "") return section;
  return `${text.replace(/\n*$/, "\n\n")}${section}`;
}

/** The file's text without the client's section, which ends at the next header. Undefined if there is none. */
export function withoutSection(text: string, name: string): string | undefined {
  const lines = text.split("\n");
  const isHeader = (line: string) => /^\[.*\]$/.test(line.trim());
  const first = lines.findIndex((line) => isHeader(line) && line.trim().slice(1, -1).trim() === name);
  if (first < 0) return undefined;
  const rest = lines.slice(first + 1).findIndex(isHeader);
  let end = rest < 0 ? lines.length : first + 1 + rest;
  // Comments directly above the next section belong to that one.
  if (rest >= 0) while (lines[end - 1]!.trim().startsWith("#")) end--;
  const left = [...lines.slice(0, first), ...lines.slice(end)].join("\n");
  return rest < 0 ? left.replace(/\n+$/, "\n").replace(/^\n$/, "") : left;
}
