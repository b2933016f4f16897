// A list as a table that is its own bar chart: caption, heads with their scope, and a box that scrolls where it is longer or wider
// than the page has room for.

import { type Content, html, type Markup } from "./markup.ts";
import { count, counted } from "./words.ts";

export interface Column<Row> {
  readonly head: string;
  /** A number with its bar, a number, something short that is not broken, or text. */
  readonly as: "amount" | "number" | "word" | "text";
  cell(row: Row): Content;
  /** Of an amount: how much of the whole bar it is, 0 to 1. */
  part?(row: Row): number;
}

export interface Table<Row> {
  readonly id: string;
  readonly caption: string;
  readonly rows: readonly Row[];
  readonly columns: readonly Column<Row>[];
  /** A row that others link to. */
  rowId?(row: Row): string | undefined;
}

/** On paper a table ends here. */
const PRINTED = 40;

export function table<Row>({ id, caption, rows, columns, rowId }: Table<Row>): Markup {
  return html`<div class="box" role="region" aria-labelledby="${id}-caption" tabindex="0">
<table id="${id}">
<caption id="${id}-caption">${caption} <span class="of">${count(rows.length)}</span></caption>
<thead><tr>${columns.map(({ head, as }) => html`<th scope="col" class="${as}">${head}</th>`)}</tr></thead>
<tbody>
${rows.map((row) => {
  const anchor = rowId?.(row);
  return html`<tr${anchor === undefined ? "" : html` id="${anchor}"`}>${columns.map((column, i) => cell(column, row, i === 0))}</tr>\n`;
})}</tbody>
</table>
${rows.length > PRINTED ? html`<p class="on-paper">The first ${PRINTED} of ${counted(rows.length, "row")}; the page itself has them all.</p>` : ""}
</div>`;
}

function cell<Row>(column: Column<Row>, row: Row, first: boolean): Markup {
  const content = column.cell(row);
  const part = column.part?.(row);
  if (first) return html`<th scope="row" class="${column.as}">${content}</th>`;
  if (part === undefined) return html`<td class="${column.as}">${content}</td>`;
  return html`<td class="amount"><div>${bar(part)}<span>${content}</span></div></td>`;
}

function bar(part: number): Markup {
  return html`<svg class="bar" aria-hidden="true"><rect width="${percent(part)}" height="100%"/></svg>`;
}

export function percent(part: number): string {
  return `${Math.round(part * 10_000) / 100}%`;
}

/** The column that most tables are about. */
export function attempts<Row extends { readonly attempts: number }>(rows: readonly Row[]): Column<Row> {
  const most = rows.reduce((max, row) => Math.max(max, row.attempts), 1);
  return { head: "Attempts", as: "amount", cell: (row) => count(row.attempts), part: (row) => row.attempts / most };
}
