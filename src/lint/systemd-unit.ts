// knockd's unit as systemd has it: the file, and the drop-ins that change it (systemd.unit(5)).

import * as fs from "node:fs";
import { join } from "node:path";

/** The earlier one wins. */
const FOLDERS = [
  "etc/systemd/system",
  "run/systemd/system",
  "usr/local/lib/systemd/system",
  "usr/lib/systemd/system",
  "lib/systemd/system",
];
const NAME = "knockd.service";

export class Unit {
  readonly #values = new Map<string, string[]>();

  /** The texts in the order in which systemd reads them: the unit's, then its drop-ins'. */
  constructor(texts: readonly string[]) {
    for (const text of texts) this.#read(text);
  }

  /** Of a directive that adds up; an empty value forgets those before. */
  all(directive: string): readonly string[] {
    return this.#values.get(directive) ?? [];
  }

  /** Of one of which the last counts. */
  last(directive: string): string | undefined {
    return this.all(directive).at(-1);
  }

  isOn(directive: string): boolean {
    return /^(yes|true|on|1)$/i.test(this.last(directive) ?? "");
  }

  /** The words of all values. */
  words(directive: string): readonly string[] {
    return this.all(directive).flatMap((value) => value.split(/\s+/));
  }

  #read(text: string): void {
    let section = "";
    for (const line of text
      .replace(/\\\n/g, " ")
      .split("\n")
      .map((one) => one.trim())) {
      if (line === "" || line.startsWith("#") || line.startsWith(";")) continue;
      if (line.startsWith("[")) {
        section = line;
        continue;
      }
      const equals = line.indexOf("=");
      if (section !== "[Service]" || equals < 0) continue;
      const [name, value] = [line.slice(0, equals).trim(), line.slice(equals + 1).trim()];
      this.#values.set(name, value === "" ? [] : [...this.all(name), value]);
    }
  }
}

/** The one that is installed below this root; undefined when there is none. */
export function installedUnit(root = "/"): Unit | undefined {
  const unit = FOLDERS.map((folder) => textOf(join(root, folder, NAME))).find((text) => text !== undefined);
  if (unit === undefined) return undefined;
  const dropIns = new Map<string, string>();
  for (const folder of FOLDERS) {
    for (const name of namesIn(join(root, folder, `${NAME}.d`))) {
      const text =
        name.endsWith(".conf") && !dropIns.has(name) ? textOf(join(root, folder, `${NAME}.d`, name)) : undefined;
      if (text !== undefined) dropIns.set(name, text);
    }
  }
  return new Unit([unit, ...[...dropIns.keys()].sort().map((name) => dropIns.get(name)!)]);
}

function textOf(path: string): string | undefined {
  try {
    return fs.readFileSync(path, "utf8");
  } catch {
    return undefined; // it is not there, or not for us to read
  }
}

function namesIn(folder: string): string[] {
  try {
    return fs.readdirSync(folder);
  } catch {
    return [];
  }
}
