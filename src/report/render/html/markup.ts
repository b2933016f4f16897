// HTML as a value. The template is trusted. Values in it come from logs and databases, and are escaped.

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

/**
 * Replaces characters that are not valid in HTML or UTF-8 by a visible one: control characters and half a surrogate
 * pair.
 */
function escaped(text: string): string {
  return text
    .replace(/[\0-\x1f\x7f-\x9f]|[\ud800-\udbff](?![\udc00-\udfff])|(?<![\ud800-\udbff])[\udc00-\udfff]/g, "\ufffd")
    .replace(/[&<>"']/g, (character) => NAMES[character]!);
}

/** Isolates text of others: it may change the direction of writing, but not beyond its own end. */
export function foreign(text: string): Markup {
  return html`<bdi>${text}</bdi>`;
}
