// What `check --fix` does to a file, and what it shows before.

import * as fs from "node:fs";
import { writeReplacement } from "../doors/one-time.ts";

export interface Fix {
  readonly file: string;
  /** What is there now, and what is there afterwards. */
  readonly before: string;
  readonly after: string;
  /** Throws an Error that systemWords understands. */
  apply(): void;
}

/** The mode of a file, as `ls -l` and chmod(1) know it. */
export function modeFix(file: string, mode: number, after: number): Fix {
  return { file, before: modeText(mode), after: modeText(after), apply: () => fs.chmodSync(file, after) };
}

/** One line of a file, in one step: a crash leaves the old file or the new one. */
export function lineFix(file: string, number: number, before: string, after: string): Fix {
  return {
    file,
    before,
    after,
    apply() {
      const path = fs.realpathSync(file);
      const lines = fs.readFileSync(path, "latin1").split("\n"); // a byte a letter: what is no UTF-8 stays so
      const line = Buffer.from(lines[number - 1] ?? "", "latin1").toString();
      if (line !== before) throw new Error(`line ${number} has changed meanwhile`);
      lines[number - 1] = Buffer.from(after).toString("latin1");
      const temporary = `${path}.knockctl`;
      try {
        writeReplacement(temporary, path, Buffer.from(lines.join("\n"), "latin1"));
        fs.renameSync(temporary, path);
      } catch (error) {
        fs.rmSync(temporary, { force: true });
        throw error;
      }
    },
  };
}

/** `-rw-r----- (0640)` */
function modeText(mode: number): string {
  const letters = [..."rwxrwxrwx"].map((letter, i) => ((mode & (0o400 >> i)) !== 0 ? letter : "-")).join("");
  return `-${letters} (0${(mode & 0o777).toString(8).padStart(3, "0")})`;
}
