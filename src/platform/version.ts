// The version, read from package.json.

import { readFileSync } from "node:fs";
import { join } from "node:path";
import { packageRoot } from "./package-root.ts";
import { embeddedText, isSingle } from "./single-executable.ts";

const text = isSingle ? embeddedText("package.json") : readFileSync(join(packageRoot, "package.json"), "utf8");

export const version: string = JSON.parse(text).version;
