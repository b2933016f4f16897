// What a terminal is shown.

const COLOURS = { good: 32, bad: 31, warn: 33, soft: 2 } as const;

/** For what an interface, a door or a file is called, and for what a daemon answers. */
export { printable as clean } from "./printable.ts";

/** `14:05:09.123`, local time. */
export function clock(at: Date): string {
  const two = (n: number, digits = 2) => String(n).padStart(digits, "0");
  return `${two(at.getHours())}:${two(at.getMinutes())}:${two(at.getSeconds())}.${two(at.getMilliseconds(), 3)}`;
}

/** In a terminal that has colours, and where nobody has said NO_COLOR. */
export function paint(how: keyof typeof COLOURS, text: string): string {
  const { stdout } = process;
  return stdout.isTTY && stdout.hasColors() && !process.env.NO_COLOR ? `\x1b[${COLOURS[how]}m${text}\x1b[0m` : text;
}
