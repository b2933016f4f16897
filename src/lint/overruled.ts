// Lines that do nothing, because another line of the section says otherwise.

import type { Config } from "../config/door.ts";
import { atLine, type Finding } from "./finding.ts";

export function lintOverruled(config: Config): Finding[] {
  const twice = config.overruled.map(({ section, line, by }): Finding => {
    const what = `"${nameOf(line.text)}" is given again in line ${by.number}: this one is never used`;
    return {
      severity: "warning",
      lint: "given-twice",
      file: config.file,
      line: line.number,
      text: `${config.file}:${line.number}: [${section}] ${what}`,
      hint: "remove one of them; a command may have several parts, with ; between",
    };
  });
  const replaced = config.doors.flatMap((door) => {
    const lines = config.lines.get(door)!;
    const oneTime = lines.get("one_time_sequences");
    if (oneTime === undefined || !lines.has("sequence")) return [];
    const what = `"Sequence" is never used: line ${oneTime.number} has One_Time_Sequences`;
    return [atLine({ config, of: door, directive: "sequence" }, "given-twice", what, "remove one of them")];
  });
  return [...twice, ...replaced];
}

const nameOf = (text: string): string => text.split("=", 1)[0]!.trimEnd();
