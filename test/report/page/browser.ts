// Debian's Chromium without a window, with a page that was opened from a file. Records all requests and errors of the
// page.

import assert from "node:assert/strict";
import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { type Browser, type BrowserContextOptions, chromium, type Page } from "playwright-core";
import { page } from "../../../src/report/render/html/page.ts";
import type { Report } from "../../../src/report/report.ts";

const CHROMIUM = "/usr/bin/chromium";

export interface Opened {
  readonly tab: Page;
  readonly requests: readonly string[];
  readonly complaints: readonly string[];
  close(): Promise<void>;
}

export async function startBrowser(): Promise<Browser> {
  assert.ok(existsSync(CHROMIUM), `${CHROMIUM} is missing: sh scripts/setup test, or apt-get install chromium`);
  // Chromium's own sandbox does not work as root.
  return chromium.launch({ executablePath: CHROMIUM, args: process.getuid?.() === 0 ? ["--no-sandbox"] : [] });
}

/** The report's page as a file, opened in its own tab. */
export async function open(browser: Browser, report: Report, options: BrowserContextOptions = {}): Promise<Opened> {
  const folder = mkdtempSync(join(tmpdir(), "knockd-page-"));
  const file = join(folder, "report.html");
  writeFileSync(file, page(report));
  const context = await browser.newContext(options);
  const tab = await context.newPage();
  const requests: string[] = [];
  const complaints: string[] = [];
  const own = pathToFileURL(file).href;
  tab.on("request", (request) => request.url() !== own && requests.push(request.url()));
  tab.on("console", (message) => complaints.push(message.text()));
  tab.on("pageerror", (error) => complaints.push(String(error)));
  await tab.goto(own);
  return {
    tab,
    requests,
    complaints,
    async close() {
      await context.close();
      rmSync(folder, { recursive: true });
    },
  };
}
