// Draws the curves of the last run (build/bench/*.json) as one SVG, for docs/performance.md.
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Curve } from "./rounds.ts";
import { NAMES, type Subject } from "./subject.ts";

const COLOURS: Readonly<Record<Subject, string>> = {
  ours: "#1668b8",
  judge: "#c0392b",
  loop: "#7f8c8d",
  immediate: "#7f8c8d",
};
/** The size of one picture, and the box that its axes enclose. */
const [WIDTH, HEIGHT] = [300, 250] as const;
const BOX = { left: 52, top: 34, right: 288, bottom: 200 } as const;

const TITLE = "What a packet costs, by live attempts, doors and packets per second";

export function draw(results: string, file: string): void {
  const curves = readdirSync(results)
    .filter((name) => name.endsWith(".json"))
    .map((name) => JSON.parse(readFileSync(join(results, name), "utf8")))
    .flatMap((result) => ((result.curves ?? []) as Curve[]).map((curve) => ({ curve, machine: result.machine })));
  if (curves.length === 0)
    throw new Error("no curve in build/bench. First run: npm run bench -- attempts doors steady");
  const width = WIDTH * curves.length;
  const pictures = curves.map(({ curve }, i) => `<g transform="translate(${i * WIDTH} 0)">${picture(curve)}</g>`);
  const machine = `<text x="${width / 2}" y="${HEIGHT + 14}" text-anchor="middle">${escaped(curves[0]!.machine)}</text>`;
  const style = "font-family:sans-serif;font-size:10px;fill:#333";
  const size = `width="${width}" height="${HEIGHT + 24}" viewBox="0 0 ${width} ${HEIGHT + 24}"`;
  const paper = `<rect width="100%" height="100%" fill="#fff"/>`;
  writeFileSync(
    file,
    `<svg xmlns="http://www.w3.org/2000/svg" ${size} style="${style}"><title>${TITLE}</title>${paper}\n${pictures.join("\n")}\n${machine}\n</svg>\n`,
  );
  console.log(`drawn: ${file}`);
}

/** Both axes are logarithmic. */
function picture({ title, across, up, lines }: Curve): string {
  const subjects = Object.keys(lines) as Subject[];
  const points = subjects.flatMap((one) => lines[one]!.filter(([, y]) => y > 0));
  const x = axis(
    points.map(([at]) => at),
    BOX.left,
    BOX.right,
  );
  const y = axis(
    points.map(([, at]) => at),
    BOX.bottom,
    BOX.top,
  );
  const middle = (BOX.left + BOX.right) / 2;
  const parts = [
    `<text x="${middle}" y="18" text-anchor="middle" style="font-size:12px;font-weight:bold">${title}</text>`,
    `<text x="${middle}" y="${BOX.bottom + 28}" text-anchor="middle">${across}</text>`,
    `<text transform="translate(12 ${(BOX.top + BOX.bottom) / 2}) rotate(-90)" text-anchor="middle">${up}</text>`,
    ...x.decades.map(
      (at) =>
        `<path d="M${round(x.place(at))} ${BOX.top}V${BOX.bottom}" stroke="#eee"/><text x="${round(x.place(at))}" y="${BOX.bottom + 14}" text-anchor="middle">${words(at)}</text>`,
    ),
    ...y.decades.map(
      (at) =>
        `<path d="M${BOX.left} ${round(y.place(at))}H${BOX.right}" stroke="#eee"/><text x="${BOX.left - 4}" y="${round(y.place(at)) + 3}" text-anchor="end">${words(at)}</text>`,
    ),
    ...subjects.map((one, i) => {
      const places = lines[one]!.filter(([, at]) => at > 0).map(
        ([a, b]) => `${round(x.place(a))},${round(y.place(b))}`,
      );
      const colour = COLOURS[one];
      const dots = places.map((place) => `<circle cx="${place.replace(",", '" cy="')}" r="2.5" fill="${colour}"/>`);
      const name = `<text x="${BOX.left + 80 * i}" y="${BOX.bottom + 44}" style="fill:${colour}">● ${NAMES[one]}</text>`;
      return `<polyline points="${places.join(" ")}" fill="none" stroke="${colour}" stroke-width="1.5"/>${dots.join("")}${name}`;
    }),
  ];
  return parts.join("\n");
}

function axis(values: readonly number[], from: number, to: number) {
  const low = Math.floor(Math.log10(Math.min(...values)) + 1e-9);
  const high = Math.max(low + 1, Math.ceil(Math.log10(Math.max(...values)) - 1e-9));
  return {
    place: (value: number) => from + ((Math.log10(value) - low) / (high - low)) * (to - from),
    decades: Array.from({ length: high - low + 1 }, (_, i) => 10 ** (low + i)),
  };
}

const words = (value: number) =>
  value >= 1e6 ? `${value / 1e6}M` : value >= 1000 ? `${value / 1000}k` : `${Number(value.toPrecision(3))}`;
const round = (value: number) => Math.round(value * 10) / 10;
const escaped = (text: string) => text.replaceAll("&", "&amp;").replaceAll("<", "&lt;");
