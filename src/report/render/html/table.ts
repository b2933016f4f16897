// A list as a table that is its own bar chart. It shows its first rows; a checkbox, which needs no script, shows the others.

import { type Content, html, type Markup } from "./markup.ts";
import { count, counted } from "./words.ts";

export interface Column<Row> {
  readonly head: string;
  /** A number with a bar, a number, a short text on one line, or text. */
  readonly as: "amount" | "number" | "word" | "text";
  /** Hidden on a phone. */
  readonly isWide?: true;
  cell(row: Row): Content;
  /** For an amount: the length of its bar, 0 to 1. */
  part?(row: Row): number;
}

export interface Table<Row> {
  readonly id: string;
  readonly caption: string;
  readonly rows: readonly Row[];
  readonly columns: readonly Column<Row>[];
  /** The id of a row to which links exist. */
  rowId?(row: Row): string | undefined;
}

/** The rows that are always shown, and the rows on paper. style.ts has the same numbers. */
const [SHOWN, PRINTED] = [10, 40] as const;

export function table<Row>({ id, caption, rows, columns, rowId }: Table<Row>): Markup {
  return html`<div class="box">
<table id="${id}">
<caption id="${id}-caption">${caption} <span class="of">${count(rows.length)}</span></caption>
<thead><tr>${columns.map(({ head, ...column }) => html`<th scope="col" class="${classOf(column)}">${head}</th>`)}</tr></thead>
<tbody>
${rows.map((row) => {
  const anchor = rowId?.(row);
  return html`<tr${anchor === undefined ? "" : html` id="${anchor}"`}>${columns.map((column, i) => cell(column, row, i === 0))}</tr>\n`;
})}</tbody>
</table>
${rows.length > SHOWN ? html`<p class="all"><span class="some">${SHOWN} of ${count(rows.length)}</span> <label><input type="checkbox" aria-describedby="${id}-caption"> show all</label></p>` : ""}${rows.length > PRINTED ? html`<p class="on-paper">The first ${PRINTED} of ${counted(rows.length, "row")}. The page on a screen has all of them.</p>` : ""}
</div>`;
}

function cell<Row>(column: Column<Row>, row: Row, first: boolean): Markup {
  const content = column.cell(row);
  const part = column.part?.(row);
  const name = classOf(column);
  if (first) return html`<th scope="row" class="${name}">${content}</th>`;
  if (part === undefined) return html`<td class="${name}">${content}</td>`;
  return html`<td class="${name}"><div>${bar(part)}<span>${content}</span></div></td>`;
}

function classOf<Row>({ as, isWide }: Pick<Column<Row>, "as" | "isWide">): string {
  return isWide ? `${as} wide` : as;
}

function bar(part: number): Markup {
  return html`<svg class="bar" aria-hidden="true"><rect width="${percent(part)}" height="100%"/></svg>`;
}

export function percent(part: number): string {
  return `${Math.round(part * 10_000) / 100}%`;
}

/** The column of attempts, which most tables have. */
export function attempts<Row extends { readonly attempts: number }>(rows: readonly Row[]): Column<Row> {
  const most = rows.reduce((max, row) => Math.max(max, row.attempts), 1);
  return { head: "Attempts", as: "amount", cell: (row) => count(row.attempts), part: (row) => row.attempts / most };
}
