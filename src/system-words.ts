// The system's words for what went wrong, without Node's around them.

/** "ENOENT: no such file or directory, open '/x'" → "No such file or directory", as perror(3) says it in 0.8. */
export function systemWords(error: unknown): string {
  const words = (error as Error).message
    .replace(/^\w+: /, "")
    .replace(/, \w+.*$/, "")
    .replace("illegal operation on a directory", "is a directory");
  return `${words.charAt(0).toUpperCase()}${words.slice(1)}`;
}
