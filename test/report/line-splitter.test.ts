import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { Lines } from "../../src/report/read/line-splitter.ts";

function read(...chunks: Buffer[]): { lines: string[]; tooLong: number } {
  const told: string[] = [];
  const lines = new Lines((line) => told.push(line));
  for (const chunk of chunks) lines.write(chunk);
  lines.end();
  return { lines: told, tooLong: lines.tooLong };
}

describe("lines", () => {
  it("are read in chunks of any size", () => {
    fc.assert(
      fc.property(fc.array(fc.oneof(fc.uint8Array(), fc.constant(Uint8Array.of(10)))), (parts) => {
        const chunks = parts.map((part) => Buffer.from(part));
        const text = Buffer.concat(chunks).toString("latin1");
        assert.deepEqual(
          read(...chunks).lines,
          text.split("\n").filter((line) => line !== ""),
        );
      }),
    );
  });

  it("that never end are not kept", () => {
    const long = Buffer.alloc(100_000, "x");
    assert.deepEqual(read(Buffer.from("a\n"), long, long, Buffer.from("x\nb\n")), { lines: ["a", "b"], tooLong: 1 });
    assert.deepEqual(read(long), { lines: [], tooLong: 1 });
    assert.deepEqual(read(Buffer.concat([long, Buffer.from("\nb")])), { lines: ["b"], tooLong: 1 });
  });
});
