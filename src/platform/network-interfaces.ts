// Reads and watches the interfaces of this machine. Both functions throw CaptureError if the kernel refuses, for example under
// systemd's RestrictAddressFamilies without AF_NETLINK.

import { CaptureError } from "./capture-error.ts";
import { type NativeLinkWatch, native, type Snapshot } from "./native.ts";

export function interfacesNow(withRoutes: boolean): Snapshot {
  try {
    return native.snapshot(withRoutes);
  } catch (error) {
    throw new CaptureError(`cannot read the network interfaces: ${(error as Error).message}`);
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
