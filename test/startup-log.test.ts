// Tests what the daemon logs about its config at the start and after a reload.
import assert from "node:assert/strict";
import { it } from "node:test";
import { parseConfig } from "../src/config/parse.ts";
import { logConfig } from "../src/daemon/startup-log.ts";
import type { Log } from "../src/log/logger.ts";

it("says at debug that AllowDuplicates has no effect, and where it is", () => {
  const debug: string[] = [];
  const warned: string[] = [];
  const log = { debug: (line: string) => debug.push(line), warn: (line: string) => warned.push(line) };
  const text = "[options]\nallowdupes\n[a]\nsequence = 1\nAllowDuplicates = yes\n[b]\nsequence = 2\n";
  logConfig(
    log as unknown as Log,
    parseConfig(text, "/etc/knockd.conf", () => undefined),
    [],
  );
  const why = "AllowDuplicates has no effect: a repeated knock never ends an attempt";
  assert.deepEqual(debug.filter((line) => !line.startsWith("config: {")).sort(), [
    `config: line 2: ${why} (/etc/knockd.conf: allowdupes)`,
    `config: line 5: ${why} (/etc/knockd.conf: AllowDuplicates = yes)`,
  ]);
  assert.deepEqual(warned, []);
});
