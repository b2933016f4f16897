// --ssh: the lines of ~/.ssh/config with which ssh knocks by itself before it connects.

import { resolve } from "node:path";

/** Words that neither a shell nor ssh changes. */
const PLAIN = /^[A-Za-z0-9._:/@+=,-]+$/;

/** `words` follow `knock` on the command line. `port` is ssh's. */
export function sshConfig(host: string, words: readonly string[], port: number): string {
  // ssh reads %% as %, and ends the command at a double quote.
  const quote = (word: string) => `'${word.replaceAll("'", "'\\''").replaceAll("%", "%%")}'`;
  const command = words
    .map(withFullPath)
    .map((word) => (PLAIN.test(word) ? word : quote(word)))
    .join(" ");
  const lines = [
    "# Put these lines into ~/.ssh/config. ssh then knocks by itself.",
    `Match host ${host} exec "knock ${command}"`,
  ];
  if (port !== 22) lines.push(`    Port ${port}`);
  return `${lines.join("\n")}\n`;
}

/** ssh runs knock in whatever directory you are then. */
function withFullPath(word: string, index: number, words: readonly string[]): string {
  if (/^(-f|--file|--secret)$/.test(words[index - 1] ?? "")) return resolve(word);
  const [, option, path] = /^(-f|--(?:file|secret)=)(.+)$/s.exec(word) ?? [];
  return path === undefined ? word : `${option}${resolve(path)}`;
}
