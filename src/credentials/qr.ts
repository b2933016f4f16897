// A QR code for a terminal.

import { renderUnicodeCompact } from "uqr";

/** White on black, whatever the terminal's colours are: the blocks are the light squares. */
const [ON, OFF] = ["\x1b[38;5;231;48;5;16m", "\x1b[0m"];

/** Two rows of squares in each line. Without `coloured`, a camera reads it from a dark terminal only. */
export function qrLines(text: string, coloured: boolean): string[] {
  const lines = renderUnicodeCompact(text, { border: 2 }).split("\n");
  return coloured ? lines.map((line) => `${ON}${line}${OFF}`) : lines;
}
