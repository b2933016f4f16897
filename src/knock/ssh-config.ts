// --ssh: the lines of ~/.ssh/config with which ssh knocks by itself before it connects.

/** Words that neither a shell nor ssh changes. */
const PLAIN = /^[A-Za-z0-9._:/@+=,-]+$/;

/** `words` follow `knock` on the command line. `port` is ssh's. */
export function sshConfig(host: string, words: readonly string[], port: number): string {
  // ssh reads %% as %, and ends the command at a double quote.
  const quote = (word: string) => `'${word.replaceAll("'", "'\\''").replaceAll("%", "%%")}'`;
  const command = words.map((word) => (PLAIN.test(word) ? word : quote(word))).join(" ");
  const lines = [
    "# Put these lines into ~/.ssh/config. ssh then knocks by itself.",
    `Match host ${host} exec "knock ${command}"`,
  ];
  if (port !== 22) lines.push(`    Port ${port}`);
  return `${lines.join("\n")}\n`;
}
