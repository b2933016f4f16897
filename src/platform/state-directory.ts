import { createHash } from "node:crypto";
import * as fs from "node:fs";
import { systemErrorText } from "./system-error.ts";

/** The place of ledgers without a StateFile. A reboot empties it, but a reboot also removes the firewall's rules. */
export const STATE_DIRECTORY = "/run/knockd";

export const LONGEST_NAME = 200;

/** Makes the directory, but not its parents: Node's recursive mkdir never returns where only the kernel makes directories. */
export function makePrivateDirectory(path: string): void {
  try {
    fs.mkdirSync(path, { mode: 0o700 });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
  }
}

/** Makes STATE_DIRECTORY. Returns the system's reason if nothing can be written into it, otherwise undefined. */
export function stateTrouble(): string | undefined {
  try {
    makePrivateDirectory(STATE_DIRECTORY);
    fs.accessSync(STATE_DIRECTORY, fs.constants.W_OK | fs.constants.X_OK);
    return undefined;
  } catch (error) {
    return systemErrorText(error);
  }
}

/** A path, or interfaces, as part of a file name. Escaped like systemd-escape(1), so that `/etc/a-b` and `/etc/a/b` differ. */
export function nameOf(text: string): string {
  return text
    .replace(/^\//, "")
    .replace(/[-@\\]/g, (letter) => `\\x${letter.charCodeAt(0).toString(16)}`)
    .replaceAll("/", "-");
}

/** The ledger of a config with a choice of interfaces. */
export function ledgerPath(config: string, interfaces: string): string {
  return `${STATE_DIRECTORY}/${shortened(`${nameOf(config)}@${nameOf(interfaces)}`)}.ledger`;
}

/** A name for a config's files, different for each config. */
export function shortName(config: string): string {
  return shortened(nameOf(config));
}

function shortened(name: string): string {
  return Buffer.byteLength(name) <= LONGEST_NAME ? name : createHash("sha256").update(name).digest("hex");
}
