// The system's message of an error, without Node's additions.

import { getSystemErrorMap } from "node:util";

/**
 * Turns "ENOENT: no such file or directory, open '/x'" into "No such file or directory", as perror(3) prints it in 0.8. Also
 * handles the messages of sockets, such as "connect EACCES /x".
 */
export function systemErrorText(error: unknown): string {
  const { errno, message } = error as NodeJS.ErrnoException;
  const known = errno === undefined ? undefined : getSystemErrorMap().get(errno)?.[1];
  const words = (known ?? message.replace(/^\w+: /, "").replace(/, \w+.*$/, "")).replace(
    "illegal operation on a directory",
    "is a directory",
  );
  return `${words.charAt(0).toUpperCase()}${words.slice(1)}`;
}
