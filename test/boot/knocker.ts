// A client at the other end of a wire: it knocks as people do, and tries whether it gets in.
import { join } from "node:path";
import { repo, type Wire } from "../live/wire.ts";

export async function knock(wire: Wire, ...ports: readonly (number | string)[]): Promise<void> {
  const { status, stderr } = await wire.run("client", [
    process.execPath,
    join(repo, "dist/src/knock.js"),
    ...["-d", "100", wire.server],
    ...ports.map(String),
  ]);
  if (status !== 0) throw new Error(stderr);
}

/** Does the firewall let the client in at this port, where a server listens? */
export async function isOpen(wire: Wire, port: number): Promise<boolean> {
  const probe = `import socket; socket.create_connection(('${wire.server}', ${port}), 3).close()`;
  return (await wire.run("client", ["python3", "-c", probe])).status === 0;
}
