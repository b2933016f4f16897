// Checks that messages use the singular for 1, and the plural otherwise.
import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { plural } from "../src/terminal/plural.ts";
import { repo } from "./live/wire.ts";

test("a number with its noun", () => {
  const told = [0, 1, 2].map((count) => [plural(count, "door"), plural(count, "other address")]);
  assert.deepEqual(told, [
    ["0 doors", "0 other addresses"],
    ["1 door", "1 other address"],
    ["2 doors", "2 other addresses"],
  ]);
});

/** Numbers that are never 1: our limits, and numbers of a config that was checked. */
const NEVER_ONE = [
  "door.sequence.length} knocks", // of seq_timeout 0
  "others.length + 1} doors",
  "sequence.length} random knocks",
  "MAX_HOURS} hours",
  "MAX_BYTES} bytes",
  "VERIFY_SECONDS} seconds",
  "idle} seconds", // five
  "most} times", // in lint/sequences.ts: at least three
  "door.sequence.length} times",
  "waiting} commands", // more than one
  "verdict.times} times", // more than once
  "{event.open} doors", // a limit in the thousands
  "packet.length} bytes", // 0.8's line
  "instructions} instructions",
  "lines} lines", // a number that is still changing
];

test("no message has a fixed plural after a number", () => {
  const nouns =
    "seconds|minutes|hours|packets|knocks|commands|doors|lines|attempts|sources|networks|ports|openings|instructions|times|addresses|bytes|sequences";
  const plural = new RegExp(`\\$\\{[^{}]*\\} (?:(?:more|other|similar|live|failed) )?(?:${nouns})\\b`, "g");
  const found: string[] = [];
  for (const file of sources(join(repo, "src"))) {
    for (const [text] of readFileSync(file, "utf8").matchAll(plural))
      if (!NEVER_ONE.some((one) => text.includes(one))) found.push(`${file}: ${text}`);
  }
  assert.deepEqual(found, []);
});

function sources(folder: string): string[] {
  return readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
    const path = join(folder, entry.name);
    return entry.isDirectory() ? sources(path) : entry.name.endsWith(".ts") ? [path] : [];
  });
}
