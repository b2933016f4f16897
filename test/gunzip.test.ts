import assert from "node:assert/strict";
import * as fs from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { gzipSync } from "node:zlib";
import { gunzip, isGzip } from "../src/replay/gunzip.ts";

const directory = fs.mkdtempSync(join(tmpdir(), "gunzip-"));
after(() => fs.rmSync(directory, { recursive: true }));
const TEXT = Buffer.from("capture ".repeat(20_000));

function file(bytes: Buffer): string {
  const path = join(directory, "file");
  fs.writeFileSync(path, bytes);
  return path;
}

test("gzip is known by its first bytes", () => {
  assert.equal(isGzip(file(gzipSync(TEXT))), true);
  assert.equal(isGzip(file(TEXT)), false);
  assert.equal(isGzip(file(Buffer.alloc(0))), false);
});

test("the copy can be read again and again, and has no name on the disk", async () => {
  const { path, damage } = await gunzip(file(gzipSync(TEXT)));
  assert.equal(damage, undefined);
  for (let i = 0; i < 2; i++) assert.deepEqual(fs.readFileSync(path), TEXT);
  assert.match(fs.readlinkSync(path), / \(deleted\)$/);
});

test("a file that is cut off gives what came before, and says so", async () => {
  const { path, damage } = await gunzip(file(gzipSync(TEXT).subarray(0, 100)));
  assert.equal(damage, "unexpected end of file");
  assert.ok(TEXT.subarray(0, fs.statSync(path).size).equals(fs.readFileSync(path)));
});
