import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
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

test("gzip is recognised by its first bytes", () => {
  assert.equal(isGzip(file(gzipSync(TEXT))), true);
  assert.equal(isGzip(file(TEXT)), false);
  assert.equal(isGzip(file(Buffer.alloc(0))), false);
});

test("a file that another program has compressed is refused, and what unpacks it is named", () => {
  const xz = Buffer.from("fd377a585a000004", "hex"); // the beginning of any file of xz
  assert.throws(() => isGzip(file(xz)), { message: "it is packed with xz: xzcat FILE | knockctl replay -" });
  assert.throws(() => isGzip(file(Buffer.from("28b52ffd04", "hex"))), /zstdcat FILE \| knockctl replay -$/);
});

test("the copy can be read repeatedly, and has no name on the disk", async () => {
  const { path, damage } = await gunzip(file(gzipSync(TEXT)));
  assert.equal(damage, undefined);
  for (let i = 0; i < 2; i++) assert.deepEqual(fs.readFileSync(path), TEXT);
  assert.match(fs.readlinkSync(path), / \(deleted\)$/);
});

test("a truncated file yields the part before, and an error", async () => {
  const { path, damage } = await gunzip(file(gzipSync(TEXT).subarray(0, 100)));
  assert.equal(damage, "unexpected end of file");
  const { size } = fs.statSync(path);
  assert.ok(size > 0);
  assert.ok(TEXT.subarray(0, size).equals(fs.readFileSync(path)));
});

test("concatenated gzip files and trailing zeros are read as one file", async () => {
  const { path, damage } = await gunzip(file(Buffer.concat([gzipSync("one "), gzipSync("two"), Buffer.alloc(10_000)])));
  assert.equal(damage, undefined);
  assert.equal(fs.readFileSync(path, "utf8"), "one two");
});

test("the part before bytes that are not gzip is kept", async () => {
  const random = randomBytes(50_000); // many pieces, because it can't be compressed
  const { path, damage } = await gunzip(file(Buffer.concat([gzipSync(random), Buffer.from("plain text")])));
  assert.equal(damage, "incorrect header check");
  assert.ok(random.subarray(0, fs.statSync(path).size).equals(fs.readFileSync(path)));
  assert.ok(fs.statSync(path).size > 0);
});
