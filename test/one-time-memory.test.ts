// Tests one-time sequences in a replay: they are used in order, each once, and their file stays unchanged.
import assert from "node:assert/strict";
import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, describe, it } from "node:test";
import { UnusedSequences } from "../src/sequences/one-time-memory.ts";
import { formatSequence, parseSequence, type Sequence } from "../src/sequences/sequence.ts";

describe("unused sequences", () => {
  const dir = mkdtempSync(join(tmpdir(), "unused-"));
  after(() => rmSync(dir, { recursive: true }));
  const file = (name: string, text: string) => {
    writeFileSync(join(dir, name), text);
    return join(dir, name);
  };
  const text = (sequence: Sequence | undefined) => sequence && formatSequence(sequence);

  it("come in the order of the file, even if only root can write it", () => {
    const path = file("sequences", "#1,2\n 3,4\nnonsense\n5,6\n");
    const before = readFileSync(path, "utf8");
    chmodSync(path, 0o444);
    const warnings: string[] = [];
    const unused = new UnusedSequences();
    const next = () => text(unused.nextOneTime(path, (why) => warnings.push(why)));
    assert.deepEqual([next(), next()], ["3:tcp,4:tcp", "3:tcp,4:tcp"]);
    assert.deepEqual(warnings, [`port "nonsense" is invalid (${path}: line 3: nonsense)`]);
    unused.strikeOut(path, parseSequence("3,4"));
    assert.equal(next(), "5:tcp,6:tcp");
    assert.throws(() => unused.strikeOut(path, parseSequence("3,4")), /that was just used is no longer in the file$/);
    unused.strikeOut(path, parseSequence("5,6"));
    assert.equal(next(), undefined);
    assert.equal(readFileSync(path, "utf8"), before);
  });

  it("of a missing file cause the system's error", () => {
    assert.throws(
      () => new UnusedSequences().nextOneTime(join(dir, "none"), () => {}),
      /none: No such file or directory$/,
    );
  });
});
