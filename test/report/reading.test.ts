import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { gunzipSync, gzipSync } from "node:zlib";
import fc from "fast-check";
import type { Log, Of } from "../../src/report/logs.ts";
import { Reading, type Span } from "../../src/report/reading.ts";
import type { Report } from "../../src/report/report.ts";
import { Services } from "../../src/report/services.ts";
import { Tally } from "../../src/report/tally.ts";
import { Whereabouts } from "../../src/report/whereabouts.ts";

const WRITTEN = Date.UTC(2026, 10, 24, 12) / 1000;
const REST = "IN=eth0 OUT= SRC=8.8.8.8 DST=10.0.0.1 LEN=40 PROTO=TCP SPT=1 DPT=22 WINDOW=1 RES=0x00 SYN URGP=0 ";
const line = (minute: number) => `2026-11-24T11:${minute}:00+00:00 door kernel: drop: ${REST}\n`;
const knock = (minute: number) => `2026-11-24T11:${minute}:30+00:00 door knockd: 8.8.8.8: ssh: Stage 1\n`;

const [whereabouts, services] = [new Whereabouts([]), new Services()];

async function read(bytes: Iterable<Buffer>, span: Partial<Span> = {}, of: Of = "all"): Promise<Report> {
  const tally = new Tally(whereabouts, services);
  const reading = new Reading(tally, { since: undefined, until: undefined, ...span }, () => {});
  async function* open() {
    yield* bytes;
  }
  await reading.read({ name: "a log", of, size: 0, written: WRITTEN, open } satisfies Log);
  return tally.report(WRITTEN, reading.leftOut);
}

const textOf = (text: string) => [Buffer.from(text, "latin1")];

describe("the reading", () => {
  it("counts what is within the span", async () => {
    const text = line(10) + knock(10) + line(20) + knock(20) + line(30) + knock(30);
    const { attempts, doors, since, until } = await read(textOf(text), {
      since: Date.UTC(2026, 10, 24, 11, 20) / 1000,
      until: Date.UTC(2026, 10, 24, 11, 30) / 1000,
    });
    assert.equal(attempts, 1);
    assert.equal(doors[0]?.begun, 1);
    assert.deepEqual(
      [since, until],
      [Date.UTC(2026, 10, 24, 11, 20) / 1000, Date.UTC(2026, 10, 24, 11, 20, 30) / 1000],
    );
  });

  it("takes from a log whose lines it is read for", async () => {
    const text = textOf(line(10) + knock(10));
    const count = ({ attempts, doors }: Report) => [attempts, doors.length];
    assert.deepEqual(count(await read(text, {}, "kernel")), [1, 0]);
    assert.deepEqual(count(await read(text, {}, "knockd")), [0, 1]);
  });

  it("passes over garbage and lines cut off, and says how many", async () => {
    const text = `${line(10).slice(40)}${line(11)}${line(12).slice(0, 120)}\n\0\0\0\n${line(13)}${"x".repeat(20_000)}\n${line(14).slice(0, 90)}`;
    const { attempts, leftOut } = await read(textOf(text));
    assert.equal(attempts, 2);
    assert.deepEqual(leftOut, [
      "4 lines could not be read: cut off, or garbled.",
      "1 line too long to be a packet's or knockd's.",
    ]);
  });

  it("counts a torn .gz as far as it goes", async () => {
    const packed = gzipSync(Buffer.from(line(10).repeat(50_000)));
    function* torn() {
      yield Buffer.from(line(10));
      yield gunzipSync(packed.subarray(0, packed.length - 20)); // throws
    }
    const { attempts, leftOut } = await read(torn());
    assert.equal(attempts, 1);
    assert.deepEqual(leftOut, ["a log is torn: unexpected end of file."]);
  });

  it("throws on whatever else goes wrong", async () => {
    // biome-ignore lint/correctness/useYield: it does not come so far
    function* broken(): Generator<Buffer> {
      throw new Error("of the disk");
    }
    await assert.rejects(read(broken()), { message: "of the disk" });
  });

  it("takes any bytes, in any pieces, and what is whole among them counts", async () => {
    const piece = fc.oneof(
      fc.uint8Array().map((bytes) => Buffer.from(bytes)),
      fc.nat(line(10).length).map((end) => Buffer.from(line(10).slice(0, end))),
      fc.constantFrom(
        Buffer.from(line(10)),
        Buffer.from("\n"),
        Buffer.from(knock(10)),
        Buffer.from("\nNov 24 11:00:00 door kernel: "),
      ),
    );
    await fc.assert(
      fc.asyncProperty(fc.array(piece), fc.nat(10), async (pieces, whole) => {
        const lines = Array.from({ length: whole }, () => Buffer.from(`\n${line(10)}`));
        const before = await read(pieces);
        const both = await read([...pieces, ...lines]);
        assert.equal(both.attempts, before.attempts + whole);
      }),
    );
  });
});
