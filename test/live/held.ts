// What a daemon holds in memory: what is left of its heap when all has been tidied up, which V8 does when it likes.
import { existsSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Daemon } from "./daemon.ts";
import type { Wire } from "./wire.ts";

// Before the daemon's own code, in its process. At SIGUSR2 it tidies up, and writes down what is left, in bytes.
const PRELOAD = `
require("node:v8").setFlagsFromString("--expose-gc");
const gc = require("node:vm").runInNewContext("gc");
process.on("SIGUSR2", () => {
  for (let i = 0; i < 3; i++) gc();
  const { heapUsed, external } = process.memoryUsage();
  require("node:fs").writeFileSync(process.env.HELD, heapUsed + external + "\\n");
});
`;

/** The environment for a daemon whose memory is to be asked for. */
export function held(wire: Wire): { env: Record<string, string>; ask(daemon: Daemon): Promise<number> } {
  const [preload, answer] = [join(wire.dir, "held.cjs"), join(wire.dir, "held")];
  writeFileSync(preload, PRELOAD);
  const isThere = () => existsSync(answer) && readFileSync(answer, "utf8").endsWith("\n");
  return {
    env: { NODE_OPTIONS: `--require=${preload}`, HELD: answer },
    async ask(daemon) {
      rmSync(answer, { force: true });
      daemon.signal("SIGUSR2");
      await daemon.waitFor(isThere);
      return Number(readFileSync(answer, "utf8"));
    },
  };
}
