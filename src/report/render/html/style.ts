// The only style sheet of the page. Colours are named by their use. The contrast of text is at least 4.5 : 1, that of
// bars and outlines 3 : 1. A test measures both.

export const style = `
:root {
  color-scheme: light dark;
  --ground: #fafaf7; --card: #ffffff; --text: #1d2429; --soft: #566068; --line: #dcdedb; --link: #0b5cad;
  --bar: #3d7fb8; --sea: #f0f3f4; --grid: #e2e7e9; --land: #dcdcd5; --border: #fafaf7; --edge: #3a5a75; --place: #a4450f; --target: #fff3c9;
  --shade1: #cfe0ee; --shade2: #9fc3e0; --shade3: #659fcd; --shade4: #2e70a9; --shade5: #123f6b;
}
@media (prefers-color-scheme: dark) {
  :root {
    --ground: #14181b; --card: #1b2024; --text: #e6e9ea; --soft: #a3adb3; --line: #343c42; --link: #86bdf0;
    --bar: #5b9bd3; --sea: #181d21; --grid: #22292e; --land: #353c41; --border: #14181b; --edge: #a9c9e4; --place: #ffa066; --target: #45390f;
    --shade1: #274a68; --shade2: #35688f; --shade3: #4f8dbd; --shade4: #82b6de; --shade5: #cfe6f8;
  }
}
* { box-sizing: border-box; }
html { scroll-padding-top: 1rem; }
body { margin: 0 auto; max-width: 75rem; padding: 0 1rem; background: var(--ground); color: var(--text); font: 1rem/1.5 system-ui, sans-serif; overflow-wrap: anywhere; }
a { color: var(--link); }
:focus-visible { outline: 3px solid var(--link); outline-offset: 2px; }
main:focus { outline: none; }
h1, h2, caption { text-wrap: balance; }
h1 { margin: 0; font-size: clamp(1.6rem, 5vw, 2.4rem); line-height: 1.15; letter-spacing: -0.015em; }
h2 { margin: 0 0 1rem; font-size: 1.4rem; letter-spacing: -0.01em; }
header { padding: 2.5rem 0 1rem; }
section { padding: 2rem 0; border-top: 1px solid var(--line); }
footer { padding: 1.5rem 0 3rem; border-top: 1px solid var(--line); color: var(--soft); font-size: 0.875rem; }
footer ul, .left-out { padding-left: 1.2rem; }
.period { margin: 0.4rem 0 0; color: var(--soft); }
.meaning { max-width: 48rem; margin: 1rem 0 0; font-size: 1.15rem; }
.note, .left-out { color: var(--soft); font-size: 0.875rem; }
.nobody { margin: 3rem 0; font-size: 1.2rem; }
.on-paper { display: none; }
nav ul { display: flex; flex-wrap: wrap; gap: 0.25rem 1.25rem; margin: 1.25rem 0 0; padding: 0; list-style: none; }
nav a { display: inline-block; padding: 0.25rem 0; }
.skip:not(:focus):not(:focus-within) { position: absolute; width: 1px; height: 1px; margin: 0; overflow: hidden; clip-path: inset(50%); white-space: nowrap; }

.summary { display: flex; flex-wrap: wrap; gap: 1px; margin: 0 0 2rem; background: var(--line); border: 1px solid var(--line); border-radius: 0.5rem; overflow: hidden; }
.summary div { flex: 1 1 8.5rem; padding: 0.9rem 1rem; background: var(--card); }
.summary dt { color: var(--soft); font-size: 0.875rem; }
.summary dd { margin: 0; font-size: 1.4rem; font-weight: 600; line-height: 1.3; font-variant-numeric: tabular-nums; }
.summary small { display: block; color: var(--soft); font-size: 0.875rem; font-weight: 400; }

figure { margin: 0 0 2rem; }
figcaption p { margin: 0.25rem 0; }
#map-name, .timeline figcaption p { font-weight: 600; }
.map { display: block; width: 100%; height: auto; overflow: visible; }
.sea { fill: var(--sea); }
.grid { fill: none; stroke: var(--grid); stroke-width: 0.5; }
.land, .none { fill: var(--land); }
.land { stroke: var(--border); stroke-width: 0.6; }
[class*="shade"] { stroke: var(--edge); stroke-width: 0.6; stroke-linejoin: round; }
.shade1 { fill: var(--shade1); } .shade2 { fill: var(--shade2); } .shade3 { fill: var(--shade3); } .shade4 { fill: var(--shade4); } .shade5 { fill: var(--shade5); }
/* Between two that are dark, a line that is not. */
.map .shade4 path, .map .shade5 path { stroke: var(--border); }
/* No words of where it is: in the copy that is the link it is elsewhere. */
.mark { r: 4px; }
[class*="shade"] .mark { stroke-width: 1.2; }
.country { fill: transparent; stroke: none; cursor: pointer; }
.country:hover, .country:focus-visible { stroke: var(--text); stroke-width: 2.5; stroke-linejoin: round; }
.country:focus-visible { outline: 3px solid var(--link); outline-offset: 3px; }
.place { fill: var(--place); fill-opacity: 0.55; stroke: var(--place); stroke-width: 1; }
.legend { display: flex; flex-wrap: wrap; gap: 0.25rem 1rem; margin: 0.5rem 0; padding: 0; list-style: none; font-size: 0.875rem; font-variant-numeric: tabular-nums; }
.legend li { display: flex; align-items: center; gap: 0.4rem; }
.swatch { width: 1.1rem; height: 1.1rem; }

.plot { display: grid; grid-template-columns: 3.2rem minmax(0, 1fr); gap: 0 0.5rem; padding-top: 0.75rem; }
.plot svg { width: 100%; overflow: visible; font-size: 0.8rem; fill: var(--soft); font-variant-numeric: tabular-nums; }
.plot .scale, .plot .bars { height: 10rem; }
.plot .labels { grid-column: 2; height: 1.5rem; }
.scale text { text-anchor: end; dominant-baseline: middle; }
.plot line { stroke: var(--line); }
.plot rect, .bar rect { fill: var(--bar); }
.plot rect:hover { fill: var(--text); }

.tables { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 30rem), 1fr)); gap: 2rem; align-items: start; }
.tables > :nth-child(odd):last-child { grid-column: 1 / -1; }
.box { position: relative; background: var(--card); border: 1px solid var(--line); border-radius: 0.5rem; }
details .box { margin-top: 0.75rem; }
details { margin: 0.75rem 0; }
summary { width: fit-content; color: var(--link); cursor: pointer; }
table { width: 100%; border-collapse: collapse; font-size: 0.9375rem; font-variant-numeric: tabular-nums; }
.box:not(:has(.all :checked)) tbody tr:nth-child(n + 11):not(:target) { display: none; }
.box:has(.all :checked) .some { display: none; }
.all { margin: 0; padding: 0.5rem 0.75rem; border-top: 1px solid var(--line); color: var(--soft); font-size: 0.9375rem; }
.all label { padding: 0.25rem 0; color: var(--link); cursor: pointer; }
.all input { width: 1.1rem; height: 1.1rem; margin: 0 0.15rem 0 0.5rem; vertical-align: -0.2rem; accent-color: var(--link); }
caption { padding: 0.75rem 0.75rem 0.25rem; text-align: left; font-weight: 600; }
.of { margin-left: 0.3rem; color: var(--soft); font-weight: 400; }
th, td { padding: 0.35rem 0.75rem; text-align: left; vertical-align: top; font-weight: 400; }
thead th { background: var(--card); color: var(--soft); font-size: 0.875rem; box-shadow: inset 0 -1px var(--line); overflow-wrap: normal; }
tbody tr + tr > * { border-top: 1px solid var(--line); }
tr { scroll-margin: 6rem; }
tr:target > * { background: var(--target); }
tr:target > :first-child { box-shadow: inset 4px 0 var(--link); }
.text { min-width: 8rem; max-width: 24rem; }
.number, .amount { white-space: nowrap; overflow-wrap: normal; }
.word { min-width: 6.9rem; }
#addresses th:first-child { min-width: 9.5rem; }
.number, .amount { text-align: right; }
th.amount { width: 40%; }
#addresses th.amount { width: auto; }
#doors th.amount { width: 27%; }
.amount div { display: flex; align-items: center; justify-content: flex-end; gap: 0.6rem; }
.amount span { min-width: 3.5em; }
.bar { flex: 1; width: 0; min-width: 4rem; height: 0.65rem; forced-color-adjust: none; }
abbr { color: var(--soft); font-size: 0.8125rem; }
time { white-space: nowrap; }

@media (max-width: 66rem) {
  #addresses .wide { display: none; }
}
@media (max-width: 40rem) {
  .mark { r: 9px; }
  [class*="shade"] .mark { stroke-width: 2; }
  [class*="shade"] { stroke-width: 1; }
  .wide, .bar { display: none; }
  th.amount { width: auto; }
  .amount span { min-width: 0; }
  .text { min-width: 4.5rem; }
  thead th.amount { white-space: normal; }
  #doors th.amount { width: auto; }
  #addresses th:first-child { min-width: min(8.2rem, 31vw); }
  .word { min-width: 5.9rem; }
  #addresses .word { min-width: 0; }
  #addresses td:last-child { min-width: min(4.6rem, 19vw); }
  #addresses time { white-space: normal; }
  .plot { grid-template-columns: 2.8rem minmax(0, 1fr); }
  th, td { padding: 0.35rem 0.5rem; }
}
@media (max-width: 26rem) {
  table { font-size: 0.875rem; }
  thead th { font-size: 0.75rem; }
  th, td { padding: 0.35rem; }
  th:first-child { padding-left: 0.75rem; }
  th:last-child, td:last-child { padding-right: 0.75rem; }
}
@media (max-width: 22rem) {
  body { padding: 0 0.5rem; }
  .text { min-width: 3.2rem; }
  thead th { white-space: normal; overflow-wrap: anywhere; }
  .number, .amount { padding-left: 0; }
}
@media (prefers-reduced-motion: no-preference) {
  html { scroll-behavior: smooth; }
  .plot rect, .country { transition: fill 0.15s, stroke 0.15s; }
}
@media print {
  body { max-width: none; font-size: 10pt; }
  nav, .skip { display: none; }
  .box:not(:has(.all :checked)) tbody tr:nth-child(n + 11):not(:target) { display: table-row; }
  .all { display: none; }
  .tables { display: block; }
  .box { margin-bottom: 1.5rem; }
  .box tbody tr:nth-child(n + 41):nth-child(n) { display: none !important; }
  .on-paper { display: block; margin: 0; padding: 0.5rem 0.75rem; }
  tr, figure { break-inside: avoid; }
  * { print-color-adjust: exact; }
  #addresses { font-size: 8pt; }
}
`;
