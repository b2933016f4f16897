// Reads knockd.conf from the disk.

import { readRegularFile } from "../platform/read-file.ts";
import { systemErrorText } from "../platform/system-error.ts";
import { nextOneTime } from "../sequences/one-time-file.ts";
import { type Config, ConfigError } from "./door.ts";
import { type NextOneTime, parseConfig, type ReadClients } from "./parse.ts";

/** Reads and parses a config file, and the one-time sequences that it names. Throws ConfigError. */
export function readConfig(file: string, next: NextOneTime = nextOneTime, clients?: ReadClients): Config {
  let text: string;
  try {
    text = readRegularFile(file).toString("utf8");
  } catch (error) {
    throw new ConfigError(`${file}: ${systemErrorText(error)}`);
  }
  return parseConfig(text, file, next, clients);
}
