// Keeps a thousand clients at a daemon's socket, which try to delay it.
import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import { requestLine } from "../../src/control/protocol.ts";
import type { Wire } from "./wire.ts";

// Some send garbage, some half a line, some send requests and never read, some watch. Each connects again as soon as it is
// disconnected, or after a second. Prints a line when a thousand have connected.
const ABUSE = `
const { connect } = require("node:net");
const [, path, ...requests] = process.argv;
const sayings = [Buffer.from([0xff, 0xfe, 0, 10]), '{"version":1,"comm', "x".repeat(1 << 20), ...requests];
let came = 0;
function abuse(n) {
  const client = connect(path, () => {
    client.write(sayings[n % sayings.length]);
    if (++came === 1000) process.stdout.write("a thousand\\n");
  });
  if (n % 2 === 0) client.resume();
  client.on("error", () => {});
  const end = setTimeout(() => client.destroy(), 1000);
  client.on("close", () => { clearTimeout(end); setImmediate(abuse, n + 1); });
}
for (let n = 0; n < 1000; n++) abuse(n);
`;
const REQUESTS = ["self-test", "status", "doors", "watch"].map((command) => requestLine(command));

/** Resolves when a thousand have been there. `enter` is the command that runs Node where the socket is. */
export async function abuse(wire: Wire, path: string, enter: readonly string[] = []): Promise<ChildProcess> {
  const argv = [...enter, process.execPath, "-e", ABUSE, path, ...REQUESTS];
  const child = wire.spawn("server", argv, { stdio: ["ignore", "pipe", "inherit"] });
  const ended = once(child, "exit").then(() => {
    throw new Error("the thousand have gone");
  });
  await Promise.race([once(child.stdout!, "data"), ended]);
  ended.catch(() => {}); // the caller ends it
  return child;
}
