// The clients of a config, for `knockctl client`. The clients file need not exist yet.

import * as fs from "node:fs";
import { dirname } from "node:path";
import type { Client } from "../codes/client.ts";
import { readClients } from "../codes/clients-file.ts";
import type { Config, Door } from "../config/door.ts";
import { parseConfig } from "../config/parse.ts";
import { readRegularFile } from "../platform/read-file.ts";
import { replaceFile } from "../platform/replace-file.ts";
import { makePrivateDirectory } from "../platform/state-directory.ts";
import { systemErrorText } from "../platform/system-error.ts";

export interface ClientConfig {
  readonly config: Config;
  readonly clients: readonly Client[];
}

/** Throws an Error that names what cannot be read. Reads no one-time sequences. */
export function readClientConfig(path: string): ClientConfig {
  let text: string;
  try {
    text = readRegularFile(path).toString("utf8");
  } catch (error) {
    throw new Error(`${path}: ${systemErrorText(error)}`);
  }
  const read = (file: string) => (fs.existsSync(file) ? readClients(file) : []);
  const config = parseConfig(text, path, () => [{ protocol: "tcp", port: 1 }], read);
  const files = new Set(config.doors.flatMap(({ clientsFile }) => clientsFile ?? []));
  return { config, clients: [...files].flatMap(read) };
}

/** The door, and its clients file. Throws an Error that says what to add to the config. */
export function doorWithClients({ config }: ClientConfig, name: string): Door & { readonly clientsFile: string } {
  const doors = config.doors.filter((door) => door.name === name);
  const [door] = doors;
  if (door === undefined) {
    const names = config.doors.map((one) => one.name).join(", ");
    throw new Error(`${config.file} has no door "${name}"${names === "" ? "" : ` (it has ${names})`}`);
  }
  const found = doors.find(({ clientsFile }) => clientsFile !== undefined);
  if (found?.clientsFile !== undefined) return { ...found, clientsFile: found.clientsFile };
  const [line] = [...(config.lines.get(door)?.values() ?? [])].map(({ number }) => number).sort((a, b) => b - a);
  throw new Error(
    `door "${name}" takes no codes yet\nAdd this to its section in ${config.file}${line === undefined ? "" : `, below line ${line}`}:\n    Clients = /etc/knockd/clients\nThen run this command again.`,
  );
}

/** Throws an Error if there is no such client. */
export function clientOf({ clients, config }: ClientConfig, name: string): Client {
  const client = clients.find((one) => one.name === name);
  if (client !== undefined) return client;
  const names = clients.map((one) => one.name).join(", ");
  throw new Error(`${config.file} has no client "${name}"${names === "" ? "" : ` (it has ${names})`}`);
}

/** The text of a clients file. Empty if it does not exist yet. */
export function clientsText(file: string): string {
  return fs.existsSync(file) ? readRegularFile(file).toString("utf8") : "";
}

/** Replaces the file atomically. Only root may read it. */
export function writeClients(file: string, text: string): void {
  try {
    makePrivateDirectory(dirname(file));
    replaceFile(file, text, { mode: 0o600 });
  } catch (error) {
    throw new Error(`${file}: ${systemErrorText(error)}`);
  }
}
