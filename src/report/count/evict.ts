// Bounds a map whose keys attackers choose. When it is full, the half with the fewest attempts is dropped; among equals, the
// oldest. A key with many more attempts than the others is never dropped.

/** Larger counts are treated as equal, and are dropped last. */
const MAX_TOLD_APART = 1024;

export function evictSmallest<K, V extends { readonly attempts: number }>(
  map: Map<K, V>,
  leave: number,
  forgotten: (key: K, value: V) => void,
): void {
  const rank = ({ attempts }: V) => Math.min(attempts, MAX_TOLD_APART);
  const counts = new Uint32Array(MAX_TOLD_APART + 1);
  for (const value of map.values()) counts[rank(value)]!++;
  let rest = map.size - leave;
  let last = 0; // all keys below this rank are dropped, and `rest` of this rank
  while (rest > counts[last]!) rest -= counts[last++]!;
  // A map iterates in insertion order.
  for (const [key, value] of map) {
    const its = rank(value);
    if (its > last || (its === last && rest-- <= 0)) continue;
    map.delete(key);
    forgotten(key, value);
  }
}
