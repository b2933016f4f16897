// The fenced blocks of a page of documentation. The first word of a fence is its language. The second one is `example`, or
// the test that runs the block; the third one is the block's name in that test:
//
//     ```sh test/howto/howto.test.ts rules
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { repo } from "./live/wire.ts";

/** Words that give away translated English. The reader is "you", and a sender of knocks is "the client". */
export const AVOIDED = /\b(he|him|himself|whoever|so many|(a|an) (object|line|sequence) a line|one a line)\b/i;

export interface Block {
  readonly language: string;
  /** `example`, a test file, or none. */
  readonly runBy: string | undefined;
  readonly name: string | undefined;
  readonly text: string;
  /** The line number of the opening fence, from 1. */
  readonly line: number;
}

/** `page` is a path in the repository. */
export function readPage(page: string): string {
  return readFileSync(join(repo, page), "utf8");
}

export function blocksOf(markdown: string): readonly Block[] {
  const blocks: Block[] = [];
  let open: { words: string[]; line: number; text: string[] } | undefined;
  for (const [i, line] of markdown.split("\n").entries()) {
    if (!line.startsWith("```")) open?.text.push(line);
    else if (open === undefined) open = { words: line.slice(3).trim().split(/\s+/), line: i + 1, text: [] };
    else {
      const [language = "", runBy, name] = open.words;
      blocks.push({ language, runBy, name, text: `${open.text.join("\n")}\n`, line: open.line });
      open = undefined;
    }
  }
  if (open !== undefined) throw new Error(`the fence of line ${open.line} is never closed`);
  return blocks;
}

/** The block of a page that this test runs, by name. */
export function block(page: string, test: string, name: string): string {
  const found = blocksOf(readPage(page)).filter((one) => one.runBy === test && one.name === name);
  if (found.length !== 1) throw new Error(`${page} has ${found.length} blocks "${test} ${name}"`);
  return found[0]!.text;
}
