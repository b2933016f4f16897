// Makes npm-shrinkwrap.json from package-lock.json, without the packages that only developers need. npm installs exactly these
// versions with the tarball, and checks their hashes. If it were in the repository, npm would ignore package-lock.json. So
// `npm pack` makes it and removes it again.
import { readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

process.chdir(fileURLToPath(new URL("..", import.meta.url)));
const lock = JSON.parse(readFileSync("package-lock.json", "utf8"));
const { "": own, ...packages } = lock.packages;
const { devDependencies: _, ...root } = own;
const kept = Object.entries(packages).filter(([, { dev }]) => !dev);
lock.packages = { "": root, ...Object.fromEntries(kept) };
writeFileSync("npm-shrinkwrap.json", `${JSON.stringify(lock, null, 2)}\n`);
