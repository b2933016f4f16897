import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer } from "node:net";
import { test } from "node:test";
import { isOpen } from "../src/knock/verify.ts";

/** A port of loopback at which no server listens now. */
async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as { port: number };
  server.close();
  await once(server, "close");
  return port;
}

test("a port that opens during the wait is open", async () => {
  const port = await freePort();
  const open = isOpen({ host: "127.0.0.1", port, source: undefined });
  const server = createServer().listen(port, "127.0.0.1");
  assert.equal(await open, true);
  server.close();
});

test("a port that stays closed is closed", async () => {
  assert.equal(await isOpen({ host: "127.0.0.1", port: await freePort(), source: undefined }), false);
});
