// Tests the page that knocks: its own HMAC against Node's, and the page in Debian's Chromium, opened from a file.
import assert from "node:assert/strict";
import { randomBytes, randomInt } from "node:crypto";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type Server } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { pathToFileURL } from "node:url";
import { createContext, runInContext } from "node:vm";
import axe from "axe-core";
import type { Browser, BrowserContextOptions, Page } from "playwright-core";
import type { Client } from "../src/codes/client.ts";
import { digitPlaces, hotp, keyPlaces, portsOf } from "../src/codes/derive.ts";
import { parseSecret, Secret } from "../src/codes/secret.ts";
import { clientPage } from "../src/credentials/page.ts";
import { LAPTOP, PHONE } from "./credentials.ts";
import { startBrowser } from "./report/page/browser.ts";
import { until } from "./time-limit.ts";

/** The page's own functions, without a browser. */
function scriptOf(client: Client): { portsAt(counter: number): number[] } {
  const [, script] = /<script>(.*)<\/script>/s.exec(clientPage("host.example", client))!;
  const context = createContext({ TextEncoder });
  runInContext(`${script}\nglobalThis.portsAt = portsAt;`, context);
  return context as unknown as { portsAt(counter: number): number[] };
}

function expected(client: Client, counter: number): number[] {
  const { secret, blocks, digits, door, name, kind } = client;
  const places =
    kind === "key"
      ? keyPlaces(secret.bytes, { door, client: name, counter })
      : digitPlaces(hotp(secret.bytes, counter, digits), digits);
  return portsOf(blocks, places);
}

describe("the page computes", () => {
  for (const client of [PHONE, { ...PHONE, digits: 8, blocks: [7300, 7100, 7200, 11_000] }, LAPTOP])
    test(`the same as Node for 1,000 counters: ${client.kind}, ${client.digits} digits`, () => {
      const { portsAt } = scriptOf(client);
      for (let i = 0; i < 1000; i++) {
        const counter = i === 0 ? 59_000_000 : randomInt(2 ** 47);
        assert.deepEqual([...portsAt(counter)], expected(client, counter), `counter ${counter}`);
      }
    });

  test("with secrets of any length", () => {
    for (const length of [10, 20, 32, 63, 64, 65, 200]) {
      const client = { ...PHONE, secret: new Secret(randomBytes(length)) };
      assert.deepEqual([...scriptOf(client).portsAt(59_000_000)], expected(client, 59_000_000), `${length} bytes`);
    }
  });
});

describe("the page in a browser", () => {
  const folder = mkdtempSync(join(tmpdir(), "client-page-"));
  let browser: Browser;
  const servers: Server[] = [];
  before(async () => {
    browser = await startBrowser();
  });
  after(async () => {
    await browser?.close();
    for (const server of servers) server.close(); // even after a failure: an open socket would keep this process alive
    rmSync(folder, { recursive: true });
  });

  async function opened(
    client: Client,
    host: string,
    options: BrowserContextOptions,
    work: (tab: Page) => Promise<void>,
  ) {
    const file = join(folder, "knock.html");
    writeFileSync(file, clientPage(host, client));
    const context = await browser.newContext(options);
    const tab = await context.newPage();
    const complaints: string[] = [];
    tab.on("pageerror", (error) => complaints.push(String(error)));
    await tab.goto(pathToFileURL(file).href);
    await work(tab);
    assert.deepEqual(complaints, []);
    await context.close();
  }

  test("knocks at the ports of the code that it shows, loads nothing else, and works by keyboard", async () => {
    const blocks = [21_000, 23_000, 22_000];
    const knocks: number[] = [];
    const client = { ...PHONE, blocks, secret: parseSecret("GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ", "code") };
    // The ports of this window and of the next one, whatever the time is.
    const now = Math.floor(Date.now() / 30_000);
    for (const port of new Set([0, 1, 2].flatMap((later) => expected(client, now + later)))) {
      const server = createServer((socket) => {
        knocks.push(port);
        socket.destroy();
      }).listen(port, "127.0.0.1");
      await once(server, "listening");
      servers.push(server);
    }
    const requests: string[] = [];
    await opened(client, "127.0.0.1", {}, async (tab) => {
      tab.on("request", (request) => requests.push(request.url()));
      await tab.keyboard.press("Tab");
      const ports = (await tab.locator("#ports").textContent())!.split(" ").map(Number);
      await tab.keyboard.press("Enter");
      await tab.getByText("Knocks sent").waitFor();
      await until(() => new Set(knocks).size >= 3, 5000, 20);
      const distinct = [...new Set(knocks)];
      const window = [0, 1, 2].find((later) => `${expected(client, now + later)}` === `${distinct}`);
      assert.notEqual(window, undefined, `it knocked on ${distinct}`);
      assert.ok(
        [0, 1, 2].some((later) => `${expected(client, now + later)}` === `${ports}`),
        `it shows ${ports}`,
      );
      assert.deepEqual(
        [...new Set(requests)],
        distinct.map((port) => `http://127.0.0.1:${port}/`),
      );
    });
  });

  for (const colorScheme of ["light", "dark"] as const)
    for (const client of [PHONE, LAPTOP])
      test(`fits a phone and is accessible: ${client.name}, ${colorScheme}`, () =>
        opened(
          client,
          `${"long-".repeat(12)}name.example`,
          { colorScheme, viewport: { width: 320, height: 640 } },
          async (tab) => {
            assert.equal(await tab.locator(":root").evaluate((root) => root.scrollWidth), 320);
            await tab.evaluate(axe.source);
            const { violations } = await tab.evaluate(() => (globalThis as unknown as { axe: typeof axe }).axe.run());
            assert.deepEqual(
              violations.map(({ id, nodes }) => [id, nodes.map(({ html }) => html)]),
              [],
            );
          },
        ));

  test("copies the ports, or selects them if copying is not allowed", () =>
    opened(PHONE, "host.example", {}, async (tab) => {
      await tab.getByRole("button", { name: "Copy the ports" }).click();
      await tab.getByText(/Ports (copied|selected)/).waitFor();
    }));

  test("shows a name that contains markup as text", () =>
    opened({ ...PHONE, door: "</script><b>x" }, "<img src=x>.example", {}, async (tab) => {
      assert.equal(await tab.locator("img, b").count(), 0);
      assert.match((await tab.locator("#ports").textContent())!, /^\d+ \d+ \d+$/);
    }));
});
