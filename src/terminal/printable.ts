// Makes foreign text harmless for a terminal: text from clients, logs, databases, other hosts and config files.

/** Control and format characters, unassigned and private ones, line separators, and characters without a width. */
const UNPRINTABLE = /[\p{C}\p{Zl}\p{Zp}\p{Default_Ignorable_Code_Point}]/gu;

/** One line in which nothing moves the cursor, changes the writing direction or is invisible. */
export function printable(text: string): string {
  return text.replace(UNPRINTABLE, "?");
}

/** The same JSON with such characters escaped. `json` is one line. */
export function printableJson(json: string): string {
  return json.replace(UNPRINTABLE, (character) => character.split("").map(escaped).join(""));
}

function escaped(unit: string): string {
  return `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`;
}
