// Tests native/decode.cc alone under AddressSanitizer and UndefinedBehaviorSanitizer: it never reads out of bounds.

import assert from "node:assert/strict";
import { execFileSync, spawnSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { endianness, tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { fileURLToPath } from "node:url";
import { corpus } from "./decode-corpus.ts";
import { savedCorpus } from "./saved-corpus.ts";
import { scaled } from "./time-limit.ts";

const SEED = "20160706";
const MUTATIONS = "200000";
const source = (path: string) => fileURLToPath(new URL(`../../${path}`, import.meta.url));

const record = (linkType: number, bytes: Buffer) => {
  const head = Buffer.alloc(8);
  head[endianness() === "LE" ? "writeInt32LE" : "writeInt32BE"](linkType, 0);
  head[endianness() === "LE" ? "writeUInt32LE" : "writeUInt32BE"](bytes.length, 4);
  return Buffer.concat([head, bytes]);
};

describe("decode under sanitizers", () => {
  let dir = "";
  let program = "";

  before(() => {
    dir = mkdtempSync(join(tmpdir(), "decode-asan-"));
    program = join(dir, "decode-fuzz");
    const sanitize = ["-fsanitize=address,undefined", "-fno-sanitize-recover=all", "-fno-omit-frame-pointer"];
    const sources = [
      source("test/native/decode-fuzz.cc"),
      source("native/decode.cc"),
      source("native/encapsulation.cc"),
    ];
    // Throws without libasan: a test that proves nothing must not pass.
    execFileSync(
      "g++",
      ["-std=c++17", "-O1", "-g", "-Wall", "-Wextra", "-Werror", ...sanitize, "-o", program, ...sources],
      {
        timeout: scaled(120_000),
      },
    );
  });
  after(() => rmSync(dir, { recursive: true, force: true }));

  const run = (args: string[], input: Buffer) => {
    const { status, signal, stdout, stderr } = spawnSync(program, args, {
      input,
      encoding: "utf8",
      timeout: scaled(60_000),
    });
    return { status, signal, output: stdout + stderr };
  };

  it(`reads every encapsulation, cut at each byte, and ${MUTATIONS} mutations, in blocks of exactly their size`, () => {
    const input = Buffer.concat([...corpus(), ...savedCorpus()].map(({ linkType, bytes }) => record(linkType, bytes)));
    assert.deepEqual(run([SEED, MUTATIONS], input), { status: 0, signal: null, output: "" });
  });

  for (const [title, args, frames, message] of [
    ["one byte read too far", ["--over-read"], [], /AddressSanitizer: heap-buffer-overflow/],
    ["undefined behaviour", ["--overflow"], [], /runtime error: signed integer overflow/],
    ["a frame that is no knock", ["1", "1"], [record(1, Buffer.alloc(60))], /a whole frame is not a knock/],
    ["a byte that was not needed", ["1", "1"], [withPadding()], /a knock with too few bytes/],
    ["no frames", ["1", "1"], [], /no frames/],
  ] as [string, string[], Buffer[], RegExp][]) {
    it(`would notice ${title}`, () => {
      const { status, output } = run(args, Buffer.concat(frames));
      assert.notEqual(status, 0);
      assert.match(output, message);
    });
  }

  function withPadding(): Buffer {
    const { linkType, bytes } = corpus()[0]!;
    return record(linkType, Buffer.concat([bytes, Buffer.alloc(1)]));
  }
});
