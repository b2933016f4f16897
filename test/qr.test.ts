// Tests the QR code for terminals, read by Debian's zbarimg as a phone's camera would read it.
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { test } from "node:test";
import { otpauthUri } from "../src/credentials/otpauth-uri.ts";
import { qrLines } from "../src/credentials/qr.ts";
import { PHONE } from "./credentials.ts";

/** Pixels of each square. */
const SCALE = 6;

/** A picture of the lines (PGM): upper and lower halves of each character are white or black. */
function pictureOf(lines: readonly string[]): Buffer {
  const halves: Record<string, [number, number]> = { "█": [255, 255], "▀": [255, 0], "▄": [0, 255], " ": [0, 0] };
  const rows = lines.flatMap((line) => {
    const pairs = [...line].map((one) => halves[one]!);
    return [0, 1].map((half) => pairs.flatMap((pair) => Array<number>(SCALE).fill(pair[half as 0 | 1])));
  });
  const pixels = rows.flatMap((row) => Array.from({ length: SCALE }, () => row));
  return Buffer.concat([Buffer.from(`P5 ${rows[0]!.length} ${pixels.length} 255\n`), Buffer.from(pixels.flat())]);
}

test("a camera can read it", () => {
  const uri = otpauthUri("host.example", PHONE);
  const { stdout, status } = spawnSync("zbarimg", ["--quiet", "--raw", "-"], {
    input: pictureOf(qrLines(uri, false)),
    encoding: "utf8",
  });
  assert.deepEqual([status, stdout], [0, `${uri}\n`]);
});

test("it fits a terminal of 80 columns and 40 lines", () => {
  const lines = qrLines(otpauthUri("a-rather-long-name.dyn.example.org", { ...PHONE, name: "x".repeat(32) }), false);
  assert.ok(lines.length <= 40 && lines[0]!.length <= 80, `${lines[0]!.length} by ${lines.length}`);
});

test("on a terminal each line is white on black", () => {
  for (const line of qrLines("x", true)) assert.match(line, /^\x1b\[38;5;231;48;5;16m[█▀▄ ]+\x1b\[0m$/);
});
