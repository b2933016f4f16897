// Changes of open elements, as parts of a batch or as whole ones.

import { identity } from "./carry-over.ts";
import { type OpenElement, writeElements } from "./element.ts";
import { NetlinkWriter } from "./netlink.ts";

/** Linux before 6.12 keeps the old time of an element that is added again: it is deleted in between. */
export function renewal(elements: readonly OpenElement[]): Uint8Array {
  return replacement(elements, elements);
}

/** An element that has just ended would make the whole batch fail: each is added before it is deleted. */
export function replacement(before: readonly OpenElement[], after: readonly OpenElement[]): Uint8Array {
  const w = new NetlinkWriter().beginBatch();
  writeElements(w, "add", before);
  writeElements(w, "delete", before);
  writeElements(w, "add", after);
  return w.endBatch().bytes;
}

/** Adds to a batch what turns the first elements into the others. */
export function writeDifference(w: NetlinkWriter, before: readonly OpenElement[], after: readonly OpenElement[]): void {
  // One that stayed and has a time now is made anew.
  const same = (one: OpenElement) => `${identity(one)} ${one.left === undefined}`;
  const [old, next] = [new Set(before.map(same)), new Set(after.map(same))];
  const gone = before.filter((one) => !next.has(same(one)));
  writeElements(w, "add", gone); // one that has just ended would make the whole batch fail
  writeElements(w, "delete", gone);
  const fresh = after.filter((one) => !old.has(same(one)));
  writeElements(w, "add", fresh);
}
