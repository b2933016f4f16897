// One HTML file that knocks, for a phone or any browser. It is opened from disk and uses the network only for the
// knocks.

import type { Client } from "../codes/client.ts";
import { PAGE_SCRIPT } from "./page-script.ts";

const STYLE = `
:root { color-scheme: light dark; --ground: #fff; --text: #1c1c1e; --soft: #5c5c66; --line: #c9c9d1; --act: #0b57d0; --on: #fff; }
@media (prefers-color-scheme: dark) {
  :root { --ground: #161618; --text: #f2f2f4; --soft: #a9a9b4; --line: #45454d; --act: #a8c7fa; --on: #10233f; }
}
* { box-sizing: border-box; }
body { margin: 0 auto; max-width: 30rem; padding: 1.5rem 1.25rem; background: var(--ground); color: var(--text);
  font: 1.0625rem/1.5 system-ui, sans-serif; }
h1 { font-size: 1.375rem; margin: 0 0 0.25rem; overflow-wrap: anywhere; }
p { margin: 0.25rem 0; color: var(--soft); }
.now { margin: 1.5rem 0; padding: 1rem; border: 1px solid var(--line); border-radius: 0.75rem; }
.big { display: block; font: 600 1.75rem/1.3 ui-monospace, monospace; color: var(--text); overflow-wrap: anywhere; }
progress { width: 100%; height: 0.5rem; accent-color: var(--act); }
button { width: 100%; min-height: 3rem; margin-top: 0.75rem; border: 1px solid var(--act); border-radius: 0.75rem;
  background: transparent; color: var(--act); font: inherit; font-weight: 600; cursor: pointer; }
button.main { background: var(--act); color: var(--on); min-height: 3.5rem; }
button:disabled { opacity: 0.6; cursor: default; }
button:focus-visible { outline: 3px solid var(--text); outline-offset: 2px; }
#said { min-height: 1.6em; margin-top: 0.75rem; color: var(--text); }
`;

/** For a `code` or `key` client over TCP: browsers send no datagrams. The file is as secret as the client's secret. */
export function clientPage(host: string, client: Client): string {
  const { name, door, kind, secret, blocks, digits } = client;
  const place = host.includes(":") ? `[${host}]` : host;
  const data = {
    host: place,
    door,
    name,
    kind,
    digits,
    blocks,
    secret: Buffer.from(secret.bytes).toString("hex"),
  };
  const code =
    kind === "code"
      ? `<p id="code-label">Code</p>\n<output class="big" id="digits" aria-labelledby="code-label"></output>\n`
      : "";
  // A `<` in the data could end the script.
  const json = JSON.stringify(data).replaceAll("<", "\\u003c");
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="referrer" content="no-referrer">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; connect-src http://${escapeHtml(place)}:*">
<title>Knock ${escapeHtml(host)}</title>
<style>${STYLE}</style>
</head>
<body>
<main>
<h1>Knock ${escapeHtml(host)}</h1>
<p>Door ${escapeHtml(door)}, client ${escapeHtml(name)}. This page contains your secret: keep it to yourself.</p>
<div class="now">
${code}<p id="ports-label">Ports, in any order</p>
<output class="big" id="ports" aria-labelledby="ports-label"></output>
<p id="seconds"></p>
<progress id="left" max="30" value="30" aria-labelledby="seconds"></progress>
</div>
<button class="main" id="knock" type="button">Knock</button>
<button id="copy" type="button">Copy the ports</button>
<p id="said" role="status"></p>
<noscript><p>This page needs JavaScript: it computes the code here, on this device.</p></noscript>
</main>
<script>
const client = ${json};
${PAGE_SCRIPT}</script>
</body>
</html>
`;
}

function escapeHtml(text: string): string {
  const codes: Record<string, string> = { "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "'": "&#39;" };
  return text.replace(/[&<>"']/g, (letter) => codes[letter]!);
}
