// npm-shrinkwrap.json of package-lock.json, without what only developers need: npm installs exactly these versions with the
// tarball, and checks their hashes. It must not lie beside the lock file, which npm would overlook then: `npm pack` makes
// it, and removes it again.
import { readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

process.chdir(fileURLToPath(new URL("..", import.meta.url)));
const lock = JSON.parse(readFileSync("package-lock.json", "utf8"));
const { "": own, ...packages } = lock.packages;
const { devDependencies: _, ...root } = own;
const kept = Object.entries(packages).filter(([, { dev }]) => !dev);
lock.packages = { "": root, ...Object.fromEntries(kept) };
writeFileSync("npm-shrinkwrap.json", `${JSON.stringify(lock, null, 2)}\n`);
