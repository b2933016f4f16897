// HTML as a value. The template is trusted; the values put into it come from logs and databases and are escaped.

export class Markup {
  readonly text: string;
  constructor(text: string) {
    this.text = text;
  }
}

export type Content = string | number | Markup | readonly Content[] | undefined;

const NAMES: Record<string, string> = { "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "'": "&#39;" };

export function html(fixed: TemplateStringsArray, ...contents: Content[]): Markup {
  return new Markup(fixed.reduce((before, after, i) => before + rendered(contents[i - 1]) + after));
}

function rendered(content: Content): string {
  if (content === undefined) return "";
  if (content instanceof Markup) return content.text;
  if (typeof content === "object") return content.map(rendered).join("");
  return escaped(String(content));
}

/** HTML has no place for control characters, and half a surrogate pair is no UTF-8: the reader sees that something was there. */
function escaped(text: string): string {
  return text
    .replace(/[\0-\x1f\x7f-\x9f]|[\ud800-\udbff](?![\udc00-\udfff])|(?<![\ud800-\udbff])[\udc00-\udfff]/g, "\ufffd")
    .replace(/[&<>"']/g, (character) => NAMES[character]!);
}

/** Text of others, which may turn the direction of writing: not beyond its own end. */
export function foreign(text: string): Markup {
  return html`<bdi>${text}</bdi>`;
}
