// The change that `check --fix` makes to a file, and how it shows the change beforehand.

import * as fs from "node:fs";
import { replaceFile } from "../platform/replace-file.ts";
import { openUnlinked } from "../platform/trusted-file.ts";

export interface Fix {
  readonly file: string;
  /** The current text, and the text after the change. */
  readonly before: string;
  readonly after: string;
  /** Throws an Error for systemErrorText. */
  apply(): void;
}

/** Changes the mode of a file. Shows it as `ls -l` and chmod(1) do. */
export function modeFix(file: string, mode: number, after: number): Fix {
  return { file, before: modeText(mode), after: modeText(after), apply: () => setMode(file, after) };
}

/** Works on the open file: the path may be a link, and may point elsewhere by now. */
function setMode(path: string, mode: number): void {
  const file = openUnlinked(path, fs.constants.O_RDONLY);
  try {
    fs.fchmodSync(file, mode);
  } finally {
    fs.closeSync(file);
  }
}

/** Reads bytes as latin1, so that invalid UTF-8 stays as it is. */
function read(path: string): { lines: string[]; mode: number; owner: { uid: number; gid: number } } {
  const file = openUnlinked(path, fs.constants.O_RDONLY);
  try {
    const { mode, uid, gid } = fs.fstatSync(file);
    return { lines: fs.readFileSync(file, "latin1").split("\n"), mode, owner: { uid, gid } };
  } finally {
    fs.closeSync(file);
  }
}

/** Changes one line atomically: a crash leaves the old file or the new one. */
export function lineFix(file: string, number: number, before: string, after: string): Fix {
  return {
    file,
    before,
    after,
    apply() {
      const path = fs.realpathSync(file);
      const { lines, mode, owner } = read(path);
      const line = Buffer.from(lines[number - 1] ?? "", "latin1").toString();
      if (line !== before) throw new Error(`line ${number} has changed in the meantime`);
      lines[number - 1] = Buffer.from(after).toString("latin1");
      replaceFile(path, Buffer.from(lines.join("\n"), "latin1"), { mode, owner });
    },
  };
}

/** `-rw-r----- (0640)` */
function modeText(mode: number): string {
  const letters = [..."rwxrwxrwx"].map((letter, i) => ((mode & (0o400 >> i)) !== 0 ? letter : "-")).join("");
  return `-${letters} (0${(mode & 0o777).toString(8).padStart(3, "0")})`;
}
