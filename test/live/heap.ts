// Measures a daemon's heap after a garbage collection, which V8 otherwise does when it likes.
import { existsSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Daemon } from "./daemon.ts";
import type { Wire } from "./wire.ts";

// Runs before the daemon's own code, in its process. At SIGUSR2, it collects garbage and writes the heap's size in
// bytes.
const PRELOAD = `
require("node:v8").setFlagsFromString("--expose-gc");
const gc = require("node:vm").runInNewContext("gc");
process.on("SIGUSR2", () => {
  for (let i = 0; i < 3; i++) gc();
  const { heapUsed, external } = process.memoryUsage();
  require("node:fs").writeFileSync(process.env.HELD, heapUsed + external + "\\n");
});
`;

/** The environment of a daemon whose heap is to be measured. */
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
