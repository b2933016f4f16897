// The gate record: a file that keeps which ports the gate of a config closes. At boot the gate reads it if the config is lost.
// A daemon whose config has no built-in door sees from it that an earlier daemon may have left a table.

import { existsSync, rmSync } from "node:fs";
import {
  type FirewallOptions,
  formatPorts,
  type OpenedPorts,
  parseNetworks,
  parseOpenedPorts,
} from "../config/opening.ts";
import { formatNetwork } from "../net/network.ts";
import { configIdentity, TRIAL_CONFIG } from "../platform/config-identity.ts";
import { readRegularFile } from "../platform/read-file.ts";
import { realPath } from "../platform/real-path.ts";
import { replaceFile } from "../platform/replace-file.ts";
import { makePrivateDirectory, STATE_DIRECTORY, shortName } from "../platform/state-directory.ts";
import { systemErrorText } from "../platform/system-error.ts";
import { requireTrusted } from "../platform/trusted-file.ts";

/** systemd makes this directory for knockd.service. Without it, nothing builds the gate at boot either. */
const PERMANENT = "/var/lib/knockd";

/** What the gate needs to close the ports without a config. */
export type RecordedGate = Pick<FirewallOptions, "reply" | "allow"> & {
  readonly mode: "gate" | "mark";
  readonly ports: readonly OpenedPorts[];
};

export class GateRecord {
  readonly #path: string;
  readonly #isPermanent: boolean;

  /** `file` is the config's path. The record of a trial of `knockctl init` must not survive a reboot. */
  constructor(file: string) {
    this.#isPermanent = realPath(file) !== TRIAL_CONFIG && existsSync(PERMANENT);
    this.#path = `${this.#isPermanent ? PERMANENT : STATE_DIRECTORY}/${shortName(configIdentity(file))}.gate`;
  }

  get isThere(): boolean {
    return existsSync(this.#path);
  }

  /** Undefined if there is no record. Throws an Error that names the file and the reason if it cannot be used. */
  load(): RecordedGate | undefined {
    try {
      const check = (file: number) => requireTrusted(file, this.#path);
      return parse(readRegularFile(this.#path, undefined, { check }).toString("utf8"));
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
      throw new Error(`${this.#path}: ${systemErrorText(error)}`);
    }
  }

  /** Writes the record if it has changed. If a boot would need it, throws an Error with the system's reason. */
  save(gate: RecordedGate): void {
    const text = format(gate);
    if (this.#text() === text) return;
    try {
      if (!this.#isPermanent) makePrivateDirectory(STATE_DIRECTORY);
      replaceFile(this.#path, text, { mode: 0o600, sync: this.#isPermanent });
    } catch (error) {
      if (this.#isPermanent) throw error;
    }
  }

  clear(): void {
    rmSync(this.#path, { force: true });
  }

  #text(): string | undefined {
    try {
      return readRegularFile(this.#path).toString("utf8");
    } catch {
      return undefined; // it will be written again
    }
  }
}

function format({ mode, ports, allow, reply }: RecordedGate): string {
  const value = { mode, ports: ports.map(formatPorts), allow: allow.map(formatNetwork), reply };
  return `${JSON.stringify(value)}\n`;
}

function parse(text: string): RecordedGate {
  const { mode, ports, allow, reply } = JSON.parse(text) as Record<string, unknown>;
  if ((mode !== "gate" && mode !== "mark") || (reply !== "reset" && reply !== "drop")) throw new Error("not readable");
  const strings = (list: unknown) => {
    if (!Array.isArray(list)) throw new Error("not readable");
    return list.map(String);
  };
  return { mode, reply, ports: strings(ports).flatMap(parseOpenedPorts), allow: strings(allow).flatMap(parseNetworks) };
}
