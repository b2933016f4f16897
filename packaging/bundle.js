// Bundles each command of package.json's "bin" into build/bundle/, with everything but the addon: a short file that loads the
// program from shared/. The modules of `knockctl report` go into report/, for a package of its own. Build dist/ first, as
// `npm run package` does.
import { chmodSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";

process.chdir(fileURLToPath(new URL("..", import.meta.url)));
const { name, version, license, bin } = JSON.parse(readFileSync("package.json", "utf8"));
const { knockctl, ...alone } = bin;
const to = "build/bundle";
rmSync(to, { recursive: true, force: true });
mkdirSync(to, { recursive: true });

const options = {
  outdir: to,
  bundle: true,
  platform: "node",
  format: "esm",
  // In one file, esbuild would put each module that is loaded by import() into a function, and V8 would parse it twice.
  splitting: true,
  chunkNames: "shared/[hash]",
  target: "node18",
  legalComments: "inline",
  // V8 keeps the text of a program as long as it runs. Without comments and indentation it is a third shorter; the lines stay
  // short enough for a stack trace to say where.
  minifyWhitespace: true,
  lineLimit: 100,
  // Our dependencies that are CommonJS need a `require`.
  banner: {
    js: 'import { createRequire as requireOf } from "node:module";\nconst require = requireOf(import.meta.url);',
  },
};
for (const [command, entry] of Object.entries(alone)) {
  const { metafile } = await build({ ...options, entryPoints: { [command]: entry }, metafile: true });
  for (const file of Object.keys(metafile.outputs)) {
    const wide = /[^\0-\xff]/u.exec(readFileSync(file, "utf8"));
    if (wide) throw new Error(`${file}: with a ${wide[0]}, V8 keeps each character of the program in two bytes`);
  }
}
await build({ ...options, entryPoints: { knockctl, "report/make": "dist/src/report/make-report.js" } });
// Until the first line of a program has run, SIGUSR1 opens Node's debugger (src/platform/no-inspector.ts). At an address that
// no machine has (RFC 5737) it can't be opened. Node 22 has --disable-sigusr1; Debian's does not know it.
const SHEBANG = "#!/usr/bin/node --inspect-port=192.0.2.1:1024";
for (const command of Object.keys(bin)) {
  const file = `${to}/${command}.js`;
  writeFileSync(file, readFileSync(file, "utf8").replace(/^#!.*/, SHEBANG));
  chmodSync(file, 0o755);
}
// What package-root.ts looks for: it says that the files are modules, and which version this is.
writeFileSync(`${to}/package.json`, `${JSON.stringify({ name, version, license, type: "module" }, null, 2)}\n`);
