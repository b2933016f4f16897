// The comment of our table. It names the config whose doors the table serves, so that a daemon with another config leaves it
// alone.

import { createHash } from "node:crypto";
import { MAX_COMMENT_BYTES } from "./element.ts";

const START = "made by knockd for ";

/** `config` is its real path. */
export function tableComment(config: string): string {
  return `${START}${configInComment(config)}`;
}

/** As a comment names it: a path that is too long, or that `nft` could not read again, is there as its hash. */
export function configInComment(config: string): string {
  if (START.length + config.length <= MAX_COMMENT_BYTES && /^[ !#-[\]-~]*$/.test(config)) return config;
  return `sha256:${createHash("sha256").update(config).digest("hex")}`;
}

/** The config that the comment names. Undefined: the table is not ours. */
export function configOf(comment: string | undefined): string | undefined {
  return comment?.startsWith(START) ? comment.slice(START.length) : undefined;
}
