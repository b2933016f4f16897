// A host's name → the one address to knock at.

import { lookup } from "node:dns/promises";
import { isIP, isIPv6, SocketAddress } from "node:net";
import { networkInterfaces } from "node:os";
import { Complaint } from "./complaint.ts";
import { systemReason } from "./system-reason.ts";

/** The first address getaddrinfo() gives, of that family if one is asked for (0: any). */
export async function resolve(host: string, family: number): Promise<string> {
  const unresolved = (why: string) => new Complaint(`Failed to resolve hostname '${host}': ${why}`);
  if (host === "") throw unresolved("it is empty");
  const { address } = await lookup(host, { family }).catch((error) => {
    throw unresolved(systemReason(error));
  });
  // An address is not looked up, so its family was not looked at either.
  if (family !== 0 && isIP(address) !== family) throw unresolved(`it is not an IPv${family} address`);

  // Written as 0.8 writes it: 0:0::1 is ::1.
  const [, zone] = host.split("%");
  const plain = isIPv6(address) ? new SocketAddress({ address, family: "ipv6" }).address : address;
  if (zone === undefined) return plain;
  // Behind the % Node knows names, but no numbers and no underscore, and an unknown name is no scope at all to it.
  const link = Object.entries(networkInterfaces()).find(
    ([name, own]) => name === zone || own?.some((a) => a.family === "IPv6" && a.scopeid === Number(zone)),
  );
  const scoped = `${plain}%${link?.[0]}`;
  if (!link || !isIPv6(scoped)) throw unresolved(`no usable interface '${zone}'`);
  return scoped;
}
