// From which address to knock: --source, or the first address of --interface that can reach the host.

import { createSocket } from "node:dgram";
import { isIP, isIPv6 } from "node:net";
import { type NetworkInterfaceInfo, networkInterfaces } from "node:os";
import { Complaint } from "./complaint.ts";

export interface SourceOptions {
  readonly source?: string;
  readonly interface?: string;
}

/** The address family that these options leave; 0: any. Throws Complaint when `source` is no address. */
export function familyOfSource({ source }: SourceOptions): number {
  if (source === undefined) return 0;
  const family = isIP(source);
  if (family === 0) throw new Complaint(`error: bad --source '${source}': wanted an IP address of this machine`);
  return family;
}

/** Does this machine have the address? Behind a router, the server sees another one. */
export function isOwnAddress(address: string | undefined): boolean {
  return Object.values(networkInterfaces()).some((own) => own?.some((one) => one.address === address));
}

/** From which the kernel would send to the host. Undefined when it knows no way there. */
export function localAddress(host: string): Promise<string | undefined> {
  return new Promise((resolve) => {
    const socket = createSocket(isIPv6(host) ? "udp6" : "udp4");
    const end = (address: string | undefined): void => {
      socket.close();
      resolve(address);
    };
    socket.once("error", () => end(undefined));
    socket.connect(9, host, () => end(socket.address().address)); // of UDP: nothing is sent
  });
}

/**
 * The local address to bind; undefined: the kernel chooses. Throws Complaint when the interface has none of the host's
 * family. A link-local host needs a link-local source, and the reverse.
 */
export function sourceAddress(
  options: SourceOptions,
  host: string,
  interfaces: NodeJS.Dict<NetworkInterfaceInfo[]> = networkInterfaces(),
): string | undefined {
  if (options.source !== undefined) return options.source;
  const name = options.interface;
  if (name === undefined) return undefined;
  const own = interfaces[name];
  if (own === undefined) {
    throw new Complaint(
      `error: no interface '${name}' with an address; there are: ${Object.keys(interfaces).join(", ")}`,
    );
  }
  const family = isIPv6(host) ? "IPv6" : "IPv4";
  const isLinkLocal = (address: string) => /^fe[89ab]/i.test(address);
  const found = own.find((a) => a.family === family && isLinkLocal(a.address) === isLinkLocal(host));
  if (found === undefined)
    throw new Complaint(`error: interface '${name}' has no ${family} address that reaches ${host}`);
  return isLinkLocal(found.address) ? `${found.address}%${name}` : found.address;
}
