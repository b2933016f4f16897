// A QR code for a terminal.

import { renderUnicodeCompact } from "uqr";

/** White on black, independent of the terminal's colours: the block characters are the light squares. */
const [ON, OFF] = ["\x1b[38;5;231;48;5;16m", "\x1b[0m"];

/** Two rows of squares per line. Without `coloured`, a camera can read it only from a dark terminal. */
export function qrLines(text: string, coloured: boolean): string[] {
  const lines = renderUnicodeCompact(text, { border: 2 }).split("\n");
  return coloured ? lines.map((line) => `${ON}${line}${OFF}`) : lines;
}
