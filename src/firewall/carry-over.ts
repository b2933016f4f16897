// Which open elements stay open under a new config: those whose door still opens the same port. Nothing else is opened.

import { addressOf, commentOf, type OpenElement, portsOf } from "./element.ts";
import { elementsFor, type Layout } from "./layout.ts";

/** Returns the elements in the sets and segments of the new layout. */
export function carryOver(elements: Iterable<OpenElement>, layout: Layout): OpenElement[] {
  const doors = new Map([...layout.doors].map(([name, ports]) => [commentOf(name), ports]));
  const groups = new Map<string, OpenElement[]>();
  for (const element of elements) {
    const { w0, w1, w2, w3 } = addressOf(element);
    const group = `${w0},${w1},${w2},${w3},${element.set.prefix},${element.comment}`;
    const others = groups.get(group);
    if (others === undefined) groups.set(group, [element]);
    else others.push(element);
  }
  return [...groups.values()].flatMap((group) => {
    const [first] = group as [OpenElement];
    const door = doors.get(first.comment);
    const isOwn = layout.options.mode.kind !== "set";
    if (door === undefined || (isOwn && first.set.family === 6 && door.prefix6 !== first.set.prefix)) return [];
    return door.segments.flatMap((segment) => {
      const within = group.filter((element) => {
        const { protocol, low, high } = portsOf(element);
        return protocol === segment.protocol && low <= segment.high && high >= segment.low;
      });
      let covered = 0;
      for (const element of within) {
        const { low, high } = portsOf(element);
        covered += Math.min(high, segment.high) - Math.max(low, segment.low) + 1;
      }
      if (covered < segment.high - segment.low + 1) return [];
      const shortest = within.reduce((a, b) => (leftOf(b) < leftOf(a) ? b : a));
      // An element without a timeout gets one if its door now has one.
      const left = shortest.left ?? (door.seconds && door.seconds * 1000);
      const kept = { ...shortest, left };
      return elementsFor(layout, { segments: [segment], prefix6: door.prefix6 }, addressOf(first), kept);
    });
  });
}

export function leftOf({ left }: OpenElement): number {
  return left ?? Number.POSITIVE_INFINITY;
}

/** A unique name of the element. */
export function identity({ set, key, keyEnd }: OpenElement): string {
  return `${set.set} ${Buffer.from(key).toString("hex")} ${keyEnd ? Buffer.from(keyEnd).toString("hex") : ""}`;
}
