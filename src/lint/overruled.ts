// Finds lines without effect, because another line of the same section sets the directive.

import type { Config } from "../config/door.ts";
import { atLine, atPlace, type Finding, quoteOf } from "./finding.ts";

export function lintOverruled(config: Config): Finding[] {
  const twice = config.overruled.map(({ section, line, by }): Finding => {
    const when = by.number > line.number ? "again" : "already";
    const what = `[${section}] line ${by.number} sets "${nameOf(line.text)}" ${when}: this line is never used`;
    const hint = ["Remove one of the two lines.", joined(nameOf(line.text))].join(" ").trimEnd();
    return {
      ...atPlace({ lint: "given-twice", file: config.file, line: line.number, what, hint }),
      quote: quoteOf(line.text),
    };
  });
  const replaced = config.doors.flatMap((door) => {
    const lines = config.lines.get(door)!;
    const oneTime = lines.get("one_time_sequences");
    if (oneTime === undefined || !lines.has("sequence")) return [];
    const what = `"Sequence" is never used, because line ${oneTime.number} sets One_Time_Sequences`;
    return [atLine({ config, of: door, directive: "sequence" }, "given-twice", what, "Remove one of the two lines.")];
  });
  return [...twice, ...replaced];
}

/** How a single line can say what the two lines were meant to say, if it can. */
function joined(directive: string): string {
  if (/command/i.test(directive) && !/timeout/i.test(directive))
    return "A command may have several parts, separated by ;";
  return /^interface$/i.test(directive) ? "Separate the names of several interfaces by commas." : "";
}

const nameOf = (text: string): string => text.split("=", 1)[0]!.trimEnd();
