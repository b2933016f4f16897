// The interfaces of the default routes, of both IP versions. `Interface = auto` listens on these.

import { readFileSync } from "node:fs";

/** Reads /proc, because knockctl init must not need the addon for this. */
export function defaultInterfaces(): readonly string[] {
  return fromRoutes(textOf("/proc/net/route"), textOf("/proc/net/ipv6_route"));
}

/** The texts of /proc/net/route and /proc/net/ipv6_route. */
export function fromRoutes(ipv4: string, ipv6: string): readonly string[] {
  const rows = (text: string) => text.split("\n").map((line) => line.trim().split(/\s+/));
  const of4 = rows(ipv4).flatMap(([name = "", to, , , , , , mask]) =>
    to === "00000000" && mask === "00000000" ? [name] : [],
  );
  // An unreachable default route has the interface lo.
  const of6 = rows(ipv6).flatMap((row) => (/^0{32}$/.test(row[0]!) && row[1] === "00" ? [row.at(-1)!] : []));
  return [...new Set([...of4, ...of6])].filter((name) => name !== "lo");
}

function textOf(file: string): string {
  try {
    return readFileSync(file, "latin1");
  } catch {
    return ""; // a kernel without this IP version
  }
}
