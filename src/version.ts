// The version, from the one place that has it.

import { createRequire } from "node:module";

export const version: string = createRequire(import.meta.url)("../../package.json").version;
