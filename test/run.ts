// `npm test`: format and lint, then every *.test.js that the build made. Exits non-zero when anything is not right.
import { spawnSync } from "node:child_process";
import { readdirSync } from "node:fs";
import { join, relative } from "node:path";
import { fileURLToPath } from "node:url";

const repo = fileURLToPath(new URL("../..", import.meta.url));
const built = join(repo, "dist/test");

if (process.getuid?.() !== 0) {
  const why = "not root: the tests on real packets need network namespaces (sudo npm test)";
  console.log(process.env.CI ? `${why}, and CI has to run them` : `${why}; they are skipped`);
}

const failed = [
  check("format and lint of TypeScript", "npx", ["--no-install", "biome", "check", "."]),
  check("format of C++", "npx", ["--no-install", "clang-format", "--dry-run", "-Werror", ...sources([".cc", ".h"])]),
  // An explicit list: the directory form of `node --test` fails on Node 22 and 24.
  check("tests", process.execPath, ["--test", ...tests()]),
].filter((name) => name !== undefined);

if (failed.length > 0) {
  console.log(`npm test: not right: ${failed.join(", ")}`);
  process.exit(1);
}

function check(name: string, command: string, args: string[]): string | undefined {
  console.log(`== ${name}`);
  const { status } = spawnSync(command, args, { cwd: repo, stdio: "inherit" });
  return status === 0 ? undefined : name;
}

/** Test files of other branches may lie in dist: only those whose source is there. Booted machines: `npm run test:boot` and `test:arm`. */
function tests(): string[] {
  const known = new Set(walk(join(repo, "test")).map((file) => relative(join(repo, "test"), file)));
  return walk(built)
    .filter((file) => file.endsWith(".test.js") && !/^(arm|boot|howto)\//.test(relative(built, file)))
    .filter((file) => known.has(relative(built, file).replace(/\.js$/, ".ts")))
    .sort();
}

function sources(endings: readonly string[]): string[] {
  return ["native", "test", "bench", "fuzz"]
    .flatMap((folder) => walk(join(repo, folder)))
    .filter((file) => endings.some((ending) => file.endsWith(ending)));
}

function walk(folder: string): string[] {
  return readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
    const path = join(folder, entry.name);
    return entry.isDirectory() ? walk(path) : [path];
  });
}
