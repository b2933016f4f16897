// Batches that change open elements, and parts of such batches.

import { identity } from "./carry-over.ts";
import { type OpenElement, writeElements } from "./element.ts";
import { NetlinkWriter } from "./netlink.ts";

/** Gives elements a new time. Deletes each first: Linux before 6.12 keeps the old time of an element that is added again. */
export function renewal(elements: readonly OpenElement[]): Uint8Array {
  return replacement(elements, elements);
}

/** Replaces elements by others. Adds each before deleting it: one that has just expired would make the batch fail. */
export function replacement(before: readonly OpenElement[], after: readonly OpenElement[]): Uint8Array {
  const w = new NetlinkWriter().beginBatch();
  writeElements(w, "add", before);
  writeElements(w, "delete", before);
  writeElements(w, "add", after);
  return w.endBatch().bytes;
}

/** Adds to a batch the changes that turn `before` into `after`. */
export function writeDifference(w: NetlinkWriter, before: readonly OpenElement[], after: readonly OpenElement[]): void {
  // An element that had no timeout and now has one must be made again.
  const same = (one: OpenElement) => `${identity(one)} ${one.left === undefined}`;
  const [old, next] = [new Set(before.map(same)), new Set(after.map(same))];
  const gone = before.filter((one) => !next.has(same(one)));
  writeElements(w, "add", gone); // an element that has just expired would make the whole batch fail
  writeElements(w, "delete", gone);
  const fresh = after.filter((one) => !old.has(same(one)));
  writeElements(w, "add", fresh);
}
