// What a terminal can show: colours, symbols and the width of a line.

/** The code that begins each style and the one that ends only this style. */
const STYLES = { good: [32, 39], bad: [31, 39], warn: [33, 39], soft: [2, 22] } as const;

/** The width for pipes and files, which people read at a terminal later. */
const USUAL_WIDTH = 80;
/** In a narrower terminal, nobody can read a table anyway. */
const LEAST_WIDTH = 40;

/** Use it for the names of interfaces, doors and files, and for everything that a daemon answers. */
export { printable as clean } from "./printable.ts";

/** `14:05:09.123`, local time. */
export function clock(at: Date): string {
  const two = (n: number, digits = 2) => String(n).padStart(digits, "0");
  return `${two(at.getHours())}:${two(at.getMinutes())}:${two(at.getSeconds())}.${two(at.getMilliseconds(), 3)}`;
}

/** Colour is never the only carrier of meaning. */
export function paint(how: keyof typeof STYLES, text: string): string {
  const [on, off] = STYLES[how];
  return hasColours() ? `\x1b[${on}m${text}\x1b[${off}m` : text;
}

/** As described at https://no-color.org and https://force-color.org. NO_COLOR overrides FORCE_COLOR. */
function hasColours(): boolean {
  const { NO_COLOR, FORCE_COLOR } = process.env;
  if (NO_COLOR) return false;
  if (FORCE_COLOR) return !["0", "false"].includes(FORCE_COLOR);
  return process.stdout.isTTY === true && process.stdout.hasColors();
}

/** A symbol before a state, on a terminal only. */
export function bullet(): string {
  return process.stdout.isTTY ? `${isUtf8() ? "●" : "*"} ` : "";
}

/** Marks a text that was cut. */
export function ellipsis(): string {
  return isUtf8() ? "…" : "...";
}

function isUtf8(): boolean {
  const { LC_ALL, LC_CTYPE, LANG } = process.env;
  return /utf-?8/i.test(LC_ALL || LC_CTYPE || LANG || "");
}

/** The terminal's columns, or 80. */
export function terminalWidth(): number {
  const { columns } = process.stdout;
  return columns === undefined || columns === 0 ? USUAL_WIDTH : Math.max(LEAST_WIDTH, columns);
}
