import { createHash } from "node:crypto";
import * as fs from "node:fs";
import { systemErrorText } from "./system-error.ts";

/** Where ledgers are kept, unless StateFile says another place: firewall rules do not outlive a boot either. */
export const STATE_DIRECTORY = "/run/knockd";

export const LONGEST_NAME = 200;

/** Unless it is there. Not its parents: Node's recursive mkdir never returns where the system makes directories itself. */
export function makePrivateDirectory(path: string): void {
  try {
    fs.mkdirSync(path, { mode: 0o700 });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
  }
}

/** Why nothing can be kept in STATE_DIRECTORY, in the system's words; undefined when it can. Makes it. */
export function stateTrouble(): string | undefined {
  try {
    makePrivateDirectory(STATE_DIRECTORY);
    fs.accessSync(STATE_DIRECTORY, fs.constants.W_OK | fs.constants.X_OK);
    return undefined;
  } catch (error) {
    return systemErrorText(error);
  }
}

/** A path, or interfaces, in a file's name, as systemd-escape(1) has it: `/etc/a-b` is not `/etc/a/b`. */
export function nameOf(text: string): string {
  return text
    .replace(/^\//, "")
    .replace(/[-@\\]/g, (letter) => `\\x${letter.charCodeAt(0).toString(16)}`)
    .replaceAll("/", "-");
}

/** Of each config, and each choice of interfaces for it, its own. */
export function ledgerPath(config: string, interfaces: string): string {
  return `${STATE_DIRECTORY}/${shortened(`${nameOf(config)}@${nameOf(interfaces)}`)}.ledger`;
}

/** Of each config its own, for a file's name. */
export function shortName(config: string): string {
  return shortened(nameOf(config));
}

function shortened(name: string): string {
  return Buffer.byteLength(name) <= LONGEST_NAME ? name : createHash("sha256").update(name).digest("hex");
}
