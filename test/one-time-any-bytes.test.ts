// Tests one-time files with arbitrary bytes: reading never throws, and crossing out keeps every other byte.
import assert from "node:assert/strict";
import * as fs from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import fc from "fast-check";
import { nextOneTime, strikeOut } from "../src/sequences/one-time-file.ts";

const dir = fs.mkdtempSync(join(tmpdir(), "any-bytes-"));
after(() => fs.rmSync(dir, { recursive: true }));

const token = fc.constantFrom(..."1 2,3 7000:udp 65536 # \n \r\n x , : \t".split(" "), " ", "\n", " 4,5\n", "6,7\n");
const tokens = fc.array(token, { maxLength: 20 }).map((parts) => Buffer.from(parts.join("")));
const bytes = fc.oneof(
  { weight: 4, arbitrary: tokens },
  fc.uint8Array({ maxLength: 60 }).map((all) => Buffer.from(all)),
);

test("a one-time file of any bytes", () => {
  const path = join(dir, "sequences");
  const seen = { struck: 0, none: 0 };
  const check = (before: Buffer) => {
    fs.writeFileSync(path, before);
    const next = nextOneTime(path, () => {});
    if (next === undefined) return void seen.none++;
    strikeOut(path, next);
    const now = fs.readFileSync(path);
    const at = now.findIndex((byte, i) => byte !== before[i]);
    assert.equal(String.fromCharCode(now[at]!), "#");
    const kept = before.subarray(now.length > before.length ? at : at + 1);
    assert.deepEqual(now.subarray(at + 1), kept);
    seen.struck++;
  };
  fc.assert(fc.property(bytes, check), { numRuns: 300 });
  assert.ok(seen.struck > 30 && seen.none > 10, JSON.stringify(seen)); // otherwise all bytes would be alike
});
