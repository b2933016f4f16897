// knockd's unit, with the drop-ins that change it (systemd.unit(5)): as systemd has loaded it, or as it would read the files.

import { spawnSync } from "node:child_process";
import * as fs from "node:fs";
import { join } from "node:path";

/** An earlier directory takes precedence. */
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

  /** The texts in systemd's order: the unit, then its drop-ins. */
  constructor(texts: readonly string[]) {
    for (const text of texts) this.#read(text);
  }

  /** All values of a directive that may be repeated. An empty value clears the earlier ones. */
  all(directive: string): readonly string[] {
    return this.#values.get(directive) ?? [];
  }

  /** The value of a directive for which the last line counts. */
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

/**
 * Properties that `systemctl show` prints even if the unit does not set them, with their default values such as "no".
 */
const SHOWN = [
  "LoadState",
  "NeedDaemonReload",
  "DropInPaths",
  "ProtectHome",
  "ProtectSystem",
  "ProtectKernelTunables",
  "PrivateDevices",
  "PrivateTmp",
  "NoNewPrivileges",
  "DynamicUser",
  "CapabilityBoundingSet",
  "IPAddressAllow",
  "IPAddressDeny",
  "ReadWritePaths",
  "BindPaths",
  "RuntimeDirectory",
  "StateDirectory",
  "CacheDirectory",
  "LogsDirectory",
];
/** systemd usually answers within milliseconds. If it is too busy, the files have to do. */
const SHOW_MS = 5000;

/**
 * The unit as systemd has loaded it. Undefined if systemd does not run (sd_booted(3)), does not know the unit, or has
 * not been reloaded since the files changed: then the files tell what the next start uses.
 */
export function loadedUnit(booted = "/run/systemd/system", root = "/"): Unit | undefined {
  if (!fs.existsSync(booted)) return undefined;
  const argv = ["show", `--property=${SHOWN.join(",")}`, NAME];
  const { status, stdout } = spawnSync("systemctl", argv, { encoding: "utf8", timeout: SHOW_MS });
  const isLoaded = status === 0 && /^LoadState=loaded$/m.test(stdout);
  const isCurrent = isLoaded && !/^NeedDaemonReload=yes$/m.test(stdout) && !hasNewDropIn(stdout, root);
  return isCurrent ? new Unit([`[Service]\n${asWritten(stdout)}`]) : undefined;
}

/** systemd 252 does not notice that the first drop-in needs a reload. */
function hasNewDropIn(shown: string, root: string): boolean {
  const known = new Set(/^DropInPaths=(.*)$/m.exec(shown)?.[1]?.split(" ") ?? []);
  return [...dropInFiles(root).values()].some((path) => !known.has(path));
}

/** Converts a value that systemd prints in another form than people write it. */
function asWritten(shown: string): string {
  return shown
    .replace(/^CapabilityBoundingSet=.*$/m, (line) =>
      line.replace(/=$/, "=none").replace(/=.*/, (set) => set.toUpperCase()),
    )
    .replace(/^IPAddressDeny=(?=.*0\.0\.0\.0\/0)(?=.*::\/0).*$/m, "IPAddressDeny=any");
}

/** The unit installed below this root. Undefined if there is none. */
export function installedUnit(root = "/"): Unit | undefined {
  const unit = FOLDERS.map((folder) => textOf(join(root, folder, NAME))).find((text) => text !== undefined);
  if (unit === undefined) return undefined;
  const files = dropInFiles(root);
  const dropIns = [...files.keys()].sort().map((name) => textOf(files.get(name)!));
  return new Unit([unit, ...dropIns.filter((text) => text !== undefined)]);
}

/** Readable drop-ins by name. If several folders have the same name, the first counts. */
function dropInFiles(root: string): ReadonlyMap<string, string> {
  const found = new Map<string, string>();
  for (const folder of FOLDERS) {
    for (const name of namesIn(join(root, folder, `${NAME}.d`))) {
      const path = join(root, folder, `${NAME}.d`, name);
      if (name.endsWith(".conf") && !found.has(name) && textOf(path) !== undefined) found.set(name, path);
    }
  }
  return found;
}

function textOf(path: string): string | undefined {
  try {
    return fs.readFileSync(path, "utf8");
  } catch {
    return undefined; // missing, or not readable for this user
  }
}

function namesIn(folder: string): string[] {
  try {
    return fs.readdirSync(folder);
  } catch {
    return [];
  }
}
