// Reads and watches the interfaces of this machine. If the kernel refuses, for example under systemd's RestrictAddressFamilies
// without AF_NETLINK, both functions throw CaptureError.

import { CaptureError } from "./capture-error.ts";
import { type NativeLinkWatch, native, type Snapshot } from "./native.ts";

export function interfacesNow(withRoutes: boolean): Snapshot {
  try {
    return native.snapshot(withRoutes);
  } catch (error) {
    throw new CaptureError(`cannot read the network interfaces: ${(error as Error).message}`);
  }
}

/** Calls back when something about them has changed, until it is closed. */
export function followInterfaces(onChange: () => void, withRoutes: boolean): NativeLinkWatch {
  try {
    return new native.LinkWatch(onChange, withRoutes);
  } catch (error) {
    throw new CaptureError(`cannot watch the network interfaces: ${(error as Error).message}`);
  }
}
