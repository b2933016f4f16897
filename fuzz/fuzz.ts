// `npm run fuzz -- [SECONDS]`: runs native/decode.cc under libFuzzer. It begins with a frame of each encapsulation and link
// type. At a crash the exit status is non-zero, the input stays in build/fuzz, and a line says how to run it again.
import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { corpus } from "../test/decode-corpus.ts";
import { savedCorpus } from "../test/saved-corpus.ts";

/** The same order as in decode.cc. */
const LINK_TYPES = [0, 1, 12, 101, 108, 113, 276, 9, 50, 51, 204, 228, 229];
const repo = fileURLToPath(new URL("../..", import.meta.url));
const out = join(repo, "build/fuzz");
const program = join(out, "decode");

const seconds = Number(process.argv[2] ?? 60);
if (!Number.isInteger(seconds) || seconds < 1) {
  console.error("usage: npm run fuzz -- [SECONDS]");
  process.exit(2);
}

mkdirSync(out, { recursive: true });
build();
const folder = mkdtempSync(join(tmpdir(), "fuzz-"));
try {
  process.exitCode = run(folder);
} finally {
  rmSync(folder, { recursive: true });
}

function build(): void {
  const sanitize = ["-fsanitize=fuzzer,address,undefined", "-fno-sanitize-recover=all"];
  const args = [
    "-std=c++17",
    "-g",
    "-O1",
    ...sanitize,
    "fuzz/decode.cc",
    "native/decode.cc",
    "native/encapsulation.cc",
    "-o",
    program,
  ];
  const { status } = spawnSync("clang++", args, { cwd: repo, stdio: "inherit" });
  if (status !== 0) throw new Error("fuzz/decode.cc does not build");
}

function run(folder: string): number {
  for (const [i, { linkType, bytes }] of [...corpus(), ...savedCorpus()].entries()) {
    const selector = LINK_TYPES.indexOf(linkType);
    if (selector < 0) throw new Error(`fuzz/decode.cc has no link type ${linkType}`);
    writeFileSync(join(folder, String(i)), Buffer.concat([Buffer.of(selector), bytes]));
  }
  const limits = [`-max_total_time=${seconds}`, "-max_len=512", "-timeout=5"];
  const before = new Set(readdirSync(out));
  const { status } = spawnSync(program, [...limits, "-print_final_stats=1", `-artifact_prefix=${out}/`, folder], {
    stdio: "inherit",
  });
  for (const crash of readdirSync(out).filter((name) => !before.has(name))) {
    console.log(`fuzz: to run it again: ${program} ${join(out, crash)}`);
  }
  console.log(status === 0 ? "fuzz: no fault found" : "fuzz: fault found");
  return status === 0 ? 0 : 1;
}
