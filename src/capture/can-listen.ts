// knockd --can-listen: may this process capture packets? A container image asks this before it starts the daemon.

import { CaptureError } from "../platform/capture-error.ts";
import { native, type Snapshot } from "../platform/native.ts";
import { ANY, AUTO, choose, interfaceWords, linkName } from "./interfaces.ts";

/** One packet is enough to see that the kernel delivers any. */
const SNAP_LENGTH = 64;
const RING_BYTES = 65_536;

/**
 * Opens each interface that `asked` (an `-i` option) selects, and closes it again. Undefined: those that knockd chooses
 * without -i. Throws CaptureError with libpcap's message when one cannot be opened, or when there is none.
 */
export function requireListening(asked: string | undefined, snapshot: Snapshot): void {
  const words = asked === undefined ? defaultWords(snapshot) : interfaceWords(asked);
  const { present, missing } = choose(words, snapshot);
  const [absent] = missing;
  if (absent !== undefined) throw new CaptureError(`could not open ${absent[0]}: ${absent[1]}`);
  for (const name of present) {
    try {
      new native.Capture({ device: linkName(name), snapLength: SNAP_LENGTH, bufferSize: RING_BYTES }).close();
    } catch (error) {
      throw new CaptureError(`could not open ${name}: ${(error as Error).message}`);
    }
  }
}

/** eth0, as in 0.8. Otherwise the interfaces of the default routes, or all if there is no route yet. */
function defaultWords(snapshot: Snapshot): readonly string[] {
  for (const word of ["eth0", AUTO]) if (choose([word], snapshot).present.length > 0) return [word];
  return [ANY];
}
