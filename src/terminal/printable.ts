// Foreign text, made harmless for a terminal: what strangers, logs, databases, other hosts and config files say.

/** Control and format characters, what is unassigned or private, separators of lines, and all that has no width. */
const UNPRINTABLE = /[\p{C}\p{Zl}\p{Zp}\p{Default_Ignorable_Code_Point}]/gu;

/** On one line, with nothing that moves the cursor, changes the direction of writing or cannot be seen. */
export function printable(text: string): string {
  return text.replace(UNPRINTABLE, "?");
}

/** The same JSON, in ASCII where it holds any of that. `json` is on one line. */
export function printableJson(json: string): string {
  return json.replace(UNPRINTABLE, (character) => character.split("").map(escaped).join(""));
}

function escaped(unit: string): string {
  return `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`;
}
