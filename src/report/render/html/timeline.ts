// Attempts over time as bars. All sizes are percentages of the drawing, so that it fills the width of the screen while
// its letters keep the page's size.

import type { TimeRow } from "../../report.ts";
import { html, type Markup } from "./markup.ts";
import { round } from "./shades.ts";
import { percent } from "./table.ts";
import { count, counted, date, day, time } from "./words.ts";

export type Unit = "hour" | "day";

/** More labels would be unreadable. On a phone, every other one is hidden. */
const LABELS = 8;
/** More bars would be thinner than a pixel. Then the page shows days instead of hours. */
const BARS = 24 * 31;

export function timeline(unit: Unit, rows: readonly TimeRow[]): Markup | undefined {
  if (rows.length < 2 || (unit === "hour" && rows.length > BARS)) return undefined;
  const most = rows.reduce((max, row) => (row.attempts > max.attempts ? row : max));
  const step = stepFor(most.attempts);
  const top = Math.max(step, Math.ceil(most.attempts / step) * step);
  const lines = Array.from({ length: Math.round(top / step) + 1 }, (_, i) => i * step);
  const name = `Attempts per ${unit}`;
  const summary = `${name}, ${when("day", rows[0]!.at)} to ${when("day", rows.at(-1)!.at)}: at most ${count(most.attempts)}, ${when(unit, most.at)}.`;
  return html`<figure class="timeline">
<figcaption><p>${name}</p></figcaption>
<div class="plot">
<svg class="scale" aria-hidden="true">${lines.map((n) => html`<text x="100%" y="${percent(1 - n / top)}">${count(n)}</text>`)}</svg>
<svg class="bars" role="img" aria-label="${summary} The numbers are in the table below.">
${lines.map((n) => html`<line x2="100%" y1="${percent(1 - n / top)}" y2="${percent(1 - n / top)}"/>`)}
${rows.map((row, i) =>
  row.attempts === 0
    ? ""
    : html`<rect x="${percent(i / rows.length)}" width="${percent((rows.length > 60 ? 1 : 0.8) / rows.length)}" y="${percent(1 - row.attempts / top)}" height="${percent(row.attempts / top)}"><title>${when(unit, row.at)}: ${counted(row.attempts, "attempt")}</title></rect>\n`,
)}</svg>
<svg class="labels" aria-hidden="true">${labels(unit, rows)}</svg>
</div>
</figure>`;
}

export function when(unit: Unit, at: number): string {
  return unit === "hour" ? `${date(at)}, ${time(at)}` : date(at);
}

/** The step between grid lines: a round number that gives two to five lines. */
function stepFor(most: number): number {
  return Math.max(1, round(most / 3));
}

function labels(unit: Unit, rows: readonly TimeRow[]): Markup[] {
  const hour = ({ at }: TimeRow) => new Date(at * 1000).getHours();
  const days = unit === "day" || rows.length > 72;
  const candidates = rows
    .map((row, i) => ({ row, i }))
    .filter(({ row }) => unit === "day" || hour(row) % (days ? 24 : rows.length > 24 ? 6 : 3) === 0);
  const stride = Math.ceil(candidates.length / LABELS);
  return candidates
    .filter((_, i) => i % stride === 0)
    .map(({ row, i }, n) => {
      // Centred over its bar. At the edges it stays inside the drawing.
      const x = (i + 0.4) / rows.length;
      const anchor = x < 0.06 ? "start" : x > 0.94 ? "end" : "middle";
      const text = days || hour(row) === 0 ? day(row.at) : time(row.at);
      return html`<text x="${percent(x)}" y="1em" text-anchor="${anchor}"${n % 2 === 1 ? html` class="wide"` : ""}>${text}</text>`;
    });
}
