// Every table of a terminal. The library cli-table3 aligns, wraps and shortens; it knows how wide a character is and that a
// colour has no width.

import CliTable from "cli-table3";
import stringWidth from "string-width";
import { ellipsis, terminalWidth } from "./style.ts";

/** Harmless text (`clean`), painted or not. A line feed begins a new line in the cell. */
export type Cell = string | number;

export interface Column {
  readonly head: string;
  /** The default is `right` where every cell is a number. */
  readonly align?: "left" | "right";
  /**
   * What happens to the column when the table is too wide. `wrap`: its text is broken between words, so nothing is lost.
   * `cut`: its words are shortened too. Without it the column keeps its width: half an address or number is wrong.
   */
  readonly narrow?: "wrap" | "cut";
  /** The least width, if the table is too wide. In a stream, the column has this width from the beginning. */
  readonly least?: number;
}

export interface TableOptions {
  /** Spaces before each line. */
  readonly indent?: number;
  /** The width of a line. The default is the terminal's width, or 80. */
  readonly width?: number;
}

const GAP = "  ";
/** Stands for a space at which lines do not break. Harmless text contains no private characters such as this one. */
const GLUE = "\ue000";
/** A column is never cut below this: a name of fewer letters cannot be recognised. */
const LEAST = 8;
const PLACES =
  "top top-mid top-left top-right bottom bottom-mid bottom-left bottom-right left left-mid mid mid-mid right right-mid";
/** The library draws boxes by default. */
const CHARS = { ...Object.fromEntries(PLACES.split(" ").map((place) => [place, ""])), middle: GAP };
const STYLE = { "padding-left": 0, "padding-right": 0, head: [], border: [] };

/** A header and the rows. The lines fit the terminal, unless the columns that keep their width are too wide for it. */
export function table(
  columns: readonly Column[],
  rows: readonly (readonly Cell[])[],
  { indent = 0, width = terminalWidth() }: TableOptions = {},
): string {
  const head = columns.map((column) => column.head);
  const isNumeric = (i: number) => rows.length > 0 && rows.every((row) => typeof row[i] === "number");
  return draw([head, ...rows], {
    indent,
    colWidths: fit(columns, [head, ...rows], width - indent),
    colAligns: columns.map(({ align }, i) => align ?? (isNumeric(i) ? "right" : "left")),
  });
}

/** Keeps these words on one line of a cell. */
export function together(words: string): string {
  return words.replaceAll(" ", GLUE);
}

interface StreamColumn extends Column {
  /** The greatest width. */
  readonly most?: number;
}

/** A table whose rows come one by one. The header comes first, and the columns grow with the rows. */
export class TableStream {
  readonly #columns: readonly StreamColumn[];
  /** The widest cell of each column so far. */
  readonly #widest: string[];
  #isBegun = false;

  constructor(columns: readonly StreamColumn[]) {
    this.#columns = columns;
    this.#widest = columns.map(({ head, least = 0 }) => head.padEnd(least));
  }

  row(cells: readonly string[]): string {
    const growing = this.#columns.slice(0, -1);
    for (const [i, { most = Number.POSITIVE_INFINITY }] of growing.entries()) {
      const width = Math.min(stringWidth(cells[i]!), most);
      if (width > stringWidth(this.#widest[i]!)) this.#widest[i] = "x".repeat(width);
    }
    const fixed = [...this.#widest.slice(0, -1), cells.at(-1)!];
    const colWidths = fit(this.#columns, [this.#widest, fixed], terminalWidth());
    const header = this.#isBegun ? [] : [this.#columns.map(({ head }) => head)];
    this.#isBegun = true;
    return draw([...header, cells], { indent: 0, colWidths, colAligns: this.#columns.map(() => "left") });
  }
}

interface Layout {
  readonly indent: number;
  readonly colWidths: number[];
  readonly colAligns: ("left" | "right")[];
}

function draw(rows: readonly (readonly Cell[])[], { indent, ...layout }: Layout): string {
  const drawn = new CliTable({ ...layout, chars: CHARS, style: STYLE, truncate: ellipsis(), wordWrap: true });
  for (const row of rows) drawn.push([...row]);
  const lines = drawn.toString().replaceAll(GLUE, " ").split("\n");
  return lines.map((line) => `${" ".repeat(indent)}${line}`.trimEnd().concat("\n")).join("");
}

/** The width of each column: as wide as its text. If the line does not fit, headers shrink first, then texts, then words. */
function fit(columns: readonly Column[], rows: readonly (readonly Cell[])[], width: number): number[] {
  const widest = (i: number, separator: RegExp) =>
    Math.max(...rows.flatMap((row) => linesOf(row[i], separator).map((part) => stringWidth(part))));
  const widths = columns.map((_, i) => widest(i, /\n/));
  const excess = () => widths.reduce((sum, one) => sum + one, GAP.length * (columns.length - 1)) - width;
  const words = columns.map(({ narrow, least = 0 }, i) =>
    narrow === undefined ? widths[i]! : Math.max(widest(i, /\s+/), Math.min(least, widths[i]!)),
  );
  const [, ...cells] = rows;
  const texts = columns.map((_, i) => Math.max(words[i]!, ...cells.flatMap((row) => linesOf(row[i]).map(stringWidth))));
  for (const least of [texts, words]) narrowTo(least, widths, excess);
  const least = columns.map(({ narrow }, i) => (narrow === "cut" ? Math.min(words[i]!, LEAST) : words[i]!));
  narrowTo(least, widths, excess);
  return widths;
}

function linesOf(cell: Cell | undefined, separator: RegExp | string = "\n"): string[] {
  return `${cell ?? ""}`.split(separator);
}

/** Takes one space at a time from the widest column that can still shrink, so that equal columns stay equal. */
function narrowTo(least: readonly number[], widths: number[], excess: () => number): void {
  while (excess() > 0) {
    const spare = widths.map((width, i) => (width > least[i]! ? width : 0));
    const widest = Math.max(...spare);
    if (widest === 0) return;
    widths[spare.indexOf(widest)]!--;
  }
}
