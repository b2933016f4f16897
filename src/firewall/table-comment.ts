// The comment of our table. It names the config whose doors the table serves, so that a daemon with another config does not
// touch the table.

import { createHash } from "node:crypto";
import { MAX_COMMENT_BYTES } from "./element.ts";

const START = "made by knockd for ";

/** `config` is the config's identity (platform/config-identity.ts). */
export function tableComment(config: string): string {
  return `${START}${configInComment(config)}`;
}

/** The config as the comment names it. A path that is too long, or that `nft` could not read back, becomes a hash. */
export function configInComment(config: string): string {
  if (START.length + config.length <= MAX_COMMENT_BYTES && /^[ !#-[\]-~]*$/.test(config)) return config;
  return `sha256:${createHash("sha256").update(config).digest("hex")}`;
}

/** The config that a comment names. Undefined if the table is not ours. */
export function configOf(comment: string | undefined): string | undefined {
  return comment?.startsWith(START) ? comment.slice(START.length) : undefined;
}
