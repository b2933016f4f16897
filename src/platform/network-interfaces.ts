// Reads and watches the interfaces of this machine. `interfacesNow` and `followInterfaces` throw CaptureError if the kernel
// refuses, for example under systemd's RestrictAddressFamilies without AF_NETLINK.

import { CaptureError } from "./capture-error.ts";
import { type NativeLinkWatch, native, type Snapshot } from "./native.ts";

export function interfacesNow(withRoutes: boolean): Snapshot {
  try {
    return native.snapshot(withRoutes);
  } catch (error) {
    throw new CaptureError(`cannot read the network interfaces: ${(error as Error).message}`);
  }
}

/** By name or alternative name. False if the interfaces cannot be read. */
export function hasInterface(name: string): boolean {
  try {
    return interfacesNow(false).links.some((link) => link.name === name || link.altnames?.includes(name));
  } catch (error) {
    if (error instanceof CaptureError) return false;
    throw error;
  }
}

/** Calls back when the interfaces have changed, until the watch is closed. */
export function followInterfaces(onChange: () => void, withRoutes: boolean): NativeLinkWatch {
  try {
    return new native.LinkWatch(onChange, withRoutes);
  } catch (error) {
    throw new CaptureError(`cannot watch the network interfaces: ${(error as Error).message}`);
  }
}
