// Tests what may be at the path of a config: it is read, or refused at once.
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import * as fs from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, describe, test } from "node:test";
import { ConfigError } from "../src/config/door.ts";
import { readConfig } from "../src/config/read.ts";
import { MAX_BYTES, readRegularFile } from "../src/platform/read-file.ts";
import { nextOneTime } from "../src/sequences/one-time-file.ts";

describe("a file that is read as a whole", () => {
  const dir = fs.mkdtempSync(join(tmpdir(), "regular-"));
  after(() => fs.rmSync(dir, { recursive: true }));
  const path = (name: string) => join(dir, name);
  const sized = (name: string, bytes: number) => {
    fs.writeFileSync(path(name), "");
    fs.truncateSync(path(name), bytes);
    return path(name);
  };

  test("of the maximum size is read", () => {
    assert.equal(readRegularFile(sized("most", MAX_BYTES)).length, MAX_BYTES);
  });

  const fifo = () => {
    execFileSync("mkfifo", [path("fifo")]);
    return path("fifo");
  };
  const refused: [title: string, file: string, why: string][] = [
    ["one byte larger", sized("larger", MAX_BYTES + 1), "Larger than 16 MiB"],
    ["of 100 MB", sized("huge", 100e6), "Larger than 16 MiB"],
    ["that is a fifo which nobody writes", fifo(), "Not a regular file"],
    ["that is a device without end", "/dev/zero", "Not a regular file"],
  ];
  for (const [title, file, why] of refused) {
    test(`${title} is refused immediately, as a config and as sequences`, () => {
      assert.throws(() => readConfig(file), new ConfigError(`${file}: ${why}`));
      assert.throws(() => nextOneTime(file, () => {}), new Error(`${file}: ${why}`));
    });
  }
});
