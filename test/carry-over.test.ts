// Tests what stays open when the config changes: never more, and never for longer.
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { parseConfig } from "../src/config/parse.ts";
import { carryOver } from "../src/firewall/carry-over.ts";
import { addressOf, commentOf, type OpenElement, portsOf } from "../src/firewall/element.ts";
import { elementsFor, type Layout, layoutOf } from "../src/firewall/layout.ts";
import { formatAddress, parseAddress } from "../src/net/address.ts";

function layout(text: string): Layout {
  const { doors, options } = parseConfig(text, "test", () => undefined);
  return layoutOf(doors, options.firewall);
}

/** What the door has open for a client: one element for each segment, with these times in seconds. */
function open(before: Layout, door: string, client: string, seconds: readonly number[]): OpenElement[] {
  const none = { comment: commentOf(door), left: undefined, packets: 0, bytes: 0 };
  const elements = elementsFor(before, before.doors.get(door)!, parseAddress(client)!, none);
  assert.equal(elements.length, seconds.length);
  return elements.map((element, i) => ({ ...element, left: 1000 * seconds[i]! }));
}

const kept = (elements: readonly OpenElement[], after: Layout) =>
  carryOver(elements, after).map((element) => {
    const { protocol, low, high } = portsOf(element);
    return `${formatAddress(addressOf(element))} ${protocol} ${low}-${high} ${(element.left ?? Number.NaN) / 1000}s`;
  });

const RANGE = "[a]\nsequence = 1,2,3\nopen = tcp/20-29\n";
const SPLIT = `${RANGE}[b]\nsequence = 4,5,6\nopen = tcp/25\n`;
const V6 = "[a]\nsequence = 1,2,3\nopen = tcp/22\n";

describe("what stays open", () => {
  it("has the shortest time of its parts when they become one", () => {
    const parts = open(layout(SPLIT), "a", "10.77.0.2", [9, 5, 7]);
    assert.deepEqual(kept(parts, layout(RANGE)), ["10.77.0.2 tcp 20-29 5s"]);
  });

  it("is nothing where a part was closed", () => {
    const parts = open(layout(SPLIT), "a", "10.77.0.2", [9, 5, 7]);
    assert.deepEqual(kept([parts[0]!, parts[2]!], layout(RANGE)), []);
  });

  it("is nothing when an IPv6 door lets in another prefix", () => {
    const whole = layout(`${V6}Open_Prefix_6 = 64\n`);
    const networks = open(whole, "a", "fd77::2", [9]);
    assert.deepEqual(kept(networks, whole), ["fd77:: tcp 22-22 9s"]);
    assert.deepEqual(kept(networks, layout(V6)), []);
    assert.deepEqual(kept(open(layout(V6), "a", "fd77::2", [9]), whole), []);
  });
});
