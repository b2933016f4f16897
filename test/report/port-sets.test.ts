import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { portSets } from "../../src/report/count/port-sets.ts";

const source = (...ports: number[]) => ({ attempts: 1, first: 0, last: 0, ports });

describe("ports tried together", () => {
  it("form sets, in any order, with the number of their sources", () => {
    const scanner = { attempts: 1, first: 0, last: 0, ports: new Set(Array.from({ length: 13 }, (_, i) => i)) };
    const sources = [source(22), source(23, 22), source(22, 23), source(80, 23), source(22, 23, 80), scanner];
    assert.deepEqual(
      portSets(sources, (key) => `tcp/${key}`),
      {
        rows: [
          { ports: ["tcp/22", "tcp/23"], sources: 2 },
          { ports: ["tcp/23", "tcp/80"], sources: 1 },
          { ports: ["tcp/22", "tcp/23", "tcp/80"], sources: 1 },
        ],
        many: 1,
      },
    );
  });
});
