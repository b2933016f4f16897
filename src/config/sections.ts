// Cuts the text of knockd.conf into sections of lines. The library `ini` gathers lines into sections, but its grammar is not
// knockd's: it cuts at ; and #, nests [a.b], merges sections of one name, strips quotes, turns `true` into a boolean and
// forgets line numbers. So `ini` gets only the number of each line, and nothing is lost.

import ini from "ini";
import { directiveName } from "./directives.ts";
import { ConfigError, type Line } from "./door.ts";

export interface Section {
  readonly name: string;
  readonly header: Line;
  readonly lines: readonly Line[];
}

/** Leaves out comments and empty lines. Throws ConfigError; `place` puts the file and the line before the reason. */
export function sectionsOf(text: string, place: (line: Line, why: string) => string): Section[] {
  const lines = new Map<string, Line>();
  const protectedText: string[] = [];
  let headers = 0;
  text.split("\n").forEach((raw, index) => {
    const line: Line = { number: index + 1, text: trim(raw) };
    if (line.text === "" || line.text.startsWith("#")) return;
    if (line.text.includes("\0")) throw new ConfigError(place(line, "syntax error: the line contains a NUL byte"));
    const key = `line ${line.number}`;
    lines.set(key, line);
    if (line.text.startsWith("[") && line.text.endsWith("]")) {
      if (line.text === "[]") throw new ConfigError(place(line, "bad section name"));
      headers++;
      protectedText.push(`[${key}]`);
    } else {
      if (headers === 0) throw new ConfigError(place(line, "all directives must belong to a section"));
      protectedText.push(key);
    }
  });

  const parsed = ini.parse(protectedText.join("\n")) as Record<string, object>;
  return Object.entries(parsed).map(([headerKey, directives]) => {
    const header = lines.get(headerKey)!;
    return { header, name: header.text.slice(1, -1), lines: Object.keys(directives).map((key) => lines.get(key)!) };
  });
}

/** The text before the first `=`, or the whole line if there is none. */
export function keyOf(line: Line): string {
  return trim(line.text.split("=", 1)[0]!);
}

/** The text after the first `=`. Empty if there is none. */
export function textOfValue(line: Line): string {
  const equals = line.text.indexOf("=");
  return equals < 0 ? "" : trim(line.text.slice(equals + 1));
}

/** The directive that the line sets, as directives.ts names it. */
export function nameOf(line: Line): string {
  return directiveName(keyOf(line));
}

/** Trims what C's isspace() calls white space. String.trim() would also remove a no-break space. */
function trim(text: string): string {
  // Not /[ \t]+$/: its running time is quadratic for a long run of spaces in the middle.
  const isBlank = (at: number) => " \t\r\v\f".includes(text[at]!);
  let start = 0;
  let end = text.length;
  while (start < end && isBlank(start)) start++;
  while (end > start && isBlank(end - 1)) end--;
  return text.slice(start, end);
}
