// The small part of the shell's grammar that can be read with certainty: no quotes, substitutions or patterns.

/** A single command of a line: its words, and the files that it writes with `>` and `>>`. */
export interface Simple {
  readonly words: readonly string[];
  readonly writes: readonly string[];
}

/** Longer lines are treated as uncertain. */
const LONGEST = 4096;
/** Characters that only a shell can interpret reliably. */
const UNCERTAIN = /["'\\`$(){}*?[\]~#]|<<|[<>]&(?!\d)/;
/** Dash's builtins and keywords: they need no program file. */
const BUILTINS = new Set(
  `. : alias bg break case cd chdir command continue do done echo elif else esac eval exec exit export false fc fg fi for
  getopts hash if in jobs kill let local printf pwd read readonly return set shift test then times trap true type ulimit
  umask unalias unset until wait while`.split(/\s+/),
);

/** The program that a line begins with. Undefined if it is a builtin of the shell or cannot be determined. */
export function firstProgram(line: string): string | undefined {
  const word = /^\s*([^\s;&|<>]+)(?=[\s;&|<>]|$)/.exec(line)?.[1];
  if (word === undefined || !/^[\w./+-]+$/.test(word) || BUILTINS.has(word)) return undefined;
  return word;
}

/** All commands of a line. Undefined if they cannot be determined. */
export function simpleCommands(line: string): readonly Simple[] | undefined {
  if (line.length > LONGEST || UNCERTAIN.test(line)) return undefined;
  return line
    .split(/&&|\|\||[;|\n]|(?<![<>])&/)
    .map(simpleCommand)
    .filter(({ words, writes }) => words.length > 0 || writes.length > 0);
}

function simpleCommand(text: string): Simple {
  const writes: string[] = [];
  const rest = text
    .replace(/(?:^|(?<=\s))\d*>>?\s*([^\s<>&]+)/g, (_, file: string) => {
      writes.push(file);
      return " ";
    })
    .replace(/\d*[<>]&\d|\d*<\s*\S+/g, " ");
  const words = rest.split(/\s+/).filter((word) => word !== "");
  while (words.length > 0 && /^\w+=/.test(words[0]!)) words.shift(); // NAME=VALUE before the command
  return { words, writes };
}
