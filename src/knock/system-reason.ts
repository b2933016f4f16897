import { getSystemErrorMap } from "node:util";

/** The kernel's or the resolver's words for an error, where there are any. */
export function systemReason(error: NodeJS.ErrnoException): string {
  const known = error.errno === undefined ? undefined : getSystemErrorMap().get(error.errno);
  return known ? `${known[1]} (${error.code})` : error.message;
}
