// Wraps a sentence to the width of the terminal. Breaks only between words, so a long path keeps its length.

import stringWidth from "string-width";
import { terminalWidth } from "./style.ts";

/** Longer lines are hard to read. */
const MAX_WIDTH = 80;

/** Indentation of the first line and of the others, in spaces. */
export interface Indent {
  readonly first?: number;
  readonly rest?: number;
}

/** Wraps each line of a message for a terminal at standard error. In pipes and files, lines stay whole. */
export function wrapped(text: string, isTerminal = process.stderr.isTTY === true): string {
  return isTerminal
    ? text
        .split("\n")
        .map((line) => paragraph(line))
        .join("")
    : `${text}\n`;
}

/** Every line ends with a line feed. `text` may be painted as a whole. */
export function paragraph(text: string, { first = 0, rest = first }: Indent = {}): string {
  const width = Math.min(terminalWidth(), MAX_WIDTH);
  const [firstWord = "", ...words] = text.split(" ");
  const lines = [`${" ".repeat(first)}${firstWord}`];
  for (const word of words) {
    const longer = `${lines.at(-1)} ${word}`;
    if (stringWidth(longer) <= width) lines[lines.length - 1] = longer;
    else lines.push(`${" ".repeat(rest)}${word}`);
  }
  return `${lines.join("\n")}\n`;
}
