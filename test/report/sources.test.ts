import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { portKey, portsOf, Sources } from "../../src/report/count/sources.ts";
import type { SourceKey } from "../../src/report/read/packet-line.ts";

const SSH = portKey(6, 22);

describe("sources", () => {
  it("know their first and last time, and each port once", () => {
    const sources = new Sources(() => {});
    assert.equal(sources.touch(1, 100, SSH), true);
    assert.equal(sources.touch(1, 90, SSH), false);
    assert.equal(sources.touch("v6", 95, SSH), true);
    for (let port = 1; port <= 1000; port++) assert.equal(sources.touch(1, 110, portKey(6, port)), port !== 22);
    for (let port = 1; port <= 1000; port++) assert.equal(sources.touch(1, 110, portKey(6, port)), false);
    const { ports: _, ...one } = sources.map.get(1)!;
    assert.deepEqual(one, { attempts: 2002, first: 90, last: 110 });
    assert.equal(portsOf(sources.map.get(1)!), 1000);
    assert.equal(portsOf(sources.map.get("v6")!), 1);
  });

  it("with few attempts are dropped if there are too many, and reported", () => {
    const gone = new Map<SourceKey, number>();
    const sources = new Sources((key, { attempts }) => gone.set(key, attempts), { sources: 10, ports: 100 });
    for (let key = 0; key < 8; key++) sources.touch(key, key, SSH);
    sources.touch(0, 9, SSH);
    for (let key = 8; key < 12; key++) sources.touch(key, key, SSH);
    assert.deepEqual(
      [...gone],
      [
        [1, 1],
        [2, 1],
        [3, 1],
        [4, 1],
        [5, 1],
      ],
    );
    assert.deepEqual([...sources.map.keys()], [0, 6, 7, 8, 9, 10, 11]);
    assert.equal(sources.forgotten, 5);
  });

  it("remember ports up to a limit, and count those beyond", () => {
    const sources = new Sources(() => {}, { sources: 4, ports: 3 });
    for (let port = 1; port <= 5; port++) sources.touch(1, 0, portKey(6, port));
    assert.equal(portsOf(sources.map.get(1)!), 3);
    assert.equal(sources.portsNotKept, 2);
    // A source that is dropped frees its own ports.
    for (let key = 2; key <= 5; key++) sources.touch(key, 0, SSH);
    assert.ok(sources.map.has(1));
    assert.equal(sources.portsNotKept, 6);
    const roomy = new Sources(() => {}, { sources: 2, ports: 2 });
    for (let key = 1; key <= 9; key++) assert.equal(roomy.touch(key, 0, SSH), true);
  });
});
