// Tests the page in Debian's Chromium, as readers use it: from a file, at any width, in dark mode, with only the
// keyboard.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import axe from "axe-core";
import type { Browser, BrowserContextOptions, Page } from "playwright-core";
import { page } from "../../../src/report/render/html/page.ts";
import type { Report } from "../../../src/report/report.ts";
import { type Opened, open, startBrowser } from "./browser.ts";
import { EMPTY, sampleReport } from "./sample-report.ts";

const HOSTILE = `"><img src=http://10.77.0.9/x onerror=alert(1)><script>alert(2)</script></style></title>'\u202e\0${"long".repeat(60)}`;

const sample = sampleReport();
const large = sampleReport({ attempts: 9_000_000, days: 60, addresses: 2000, ports: 1000 });
const hostile = filledWith(HOSTILE);
const REPORTS: Record<string, Report> = {
  sample,
  large,
  hostile,
  empty: EMPTY,
  "no attempts": { ...EMPTY, doors: sample.doors },
};

let browser: Browser;
before(async () => {
  browser = await startBrowser();
});
after(() => browser?.close());

for (const [name, report] of Object.entries(REPORTS)) {
  test(`${name}: opens from a file, loads nothing, causes no error, and fits a phone`, () =>
    opened(report, {}, async ({ tab, requests, complaints }) => {
      assert.equal(
        await tab.locator("script, img, iframe, link, object, embed, form, [style], [onerror], [onload]").count(),
        0,
      );
      assert.equal(await tab.locator("h1").count(), 1);
      assert.match(await tab.title(), /^Who was at the door/);
      assert.equal(await style(tab, "body", "maxWidth"), "1200px", "its style is applied");
      for (const summary of await tab.locator("summary").all()) await summary.click();
      for (const width of [320, 390, 768, 1280]) {
        await tab.setViewportSize({ width, height: 640 });
        const wide = await tab.locator(":root").evaluate((root) => root.scrollWidth);
        assert.equal(wide, width, "nothing is scrolled sideways");
        const cut = await tab
          .locator(".box")
          .evaluateAll((boxes) =>
            boxes.filter((box) => box.scrollWidth > box.clientWidth).map((box) => box.querySelector("table")!.id),
          );
        if (name === "sample" || name === "large") assert.deepEqual(cut, [], `no table is cut at ${width} pixels`);
      }
      assert.deepEqual(requests, []);
      assert.deepEqual(complaints, []);
    }));

  // A table's later rows are built like the first ones, and axe would take minutes for them.
  if (report === large) continue;
  for (const colorScheme of ["light", "dark"] as const) {
    test(`${name}: axe finds no barrier to accessibility (${colorScheme})`, () =>
      opened(report, { colorScheme }, async ({ tab }) => {
        for (const summary of await tab.locator("summary").all()) await summary.click();
        assert.deepEqual(await barriers(tab), []);
      }));
  }
}

test("the policy blocks scripts even if escaping failed", () =>
  opened(sample, {}, async ({ tab, complaints }) => {
    const failed = tab.waitForEvent("requestfailed");
    await tab.locator("main").evaluate((main) => {
      main.insertAdjacentHTML("beforeend", '<p id="x" style="color: red">x</p><img src="http://10.77.0.9/x">');
    });
    assert.equal((await failed).failure()?.errorText, "csp");
    assert.equal(complaints.filter((one) => one.includes("Content Security Policy")).length, 2, complaints.join("\n"));
    assert.notEqual(await style(tab, "#x", "color"), "rgb(255, 0, 0)");
  }));

test("the map has the same counts as the table, for each country and in total", () =>
  opened(sample, {}, async ({ tab }) => {
    const onMap = await tab
      .locator("a.country")
      .evaluateAll((links) =>
        links.map((link) => [
          link.getAttribute("href")!,
          link.querySelector("title")!.textContent!.replace(/^.*: ([\d,]+) attempts?,.*$/, "$1"),
        ]),
      );
    const inTable = await tab
      .locator("#countries tbody tr[id]")
      .evaluateAll((rows) => rows.map((row) => [`#${row.id}`, row.querySelector(".amount")!.textContent!]));
    assert.deepEqual(onMap, inTable);
    assert.equal(onMap.length, sample.countries.filter(({ code }) => code !== "").length);
    const unknown = (await tab.locator("#map .note").textContent())!.match(/Not on the map: ([\d,]+) attempts/)![1]!;
    const sum = [...onMap.map(([, n]) => n!), unknown].reduce((all, n) => all + Number(n.replaceAll(",", "")), 0);
    assert.equal(sum, sample.attempts);
  }));

test("each country on the map is visible, the smallest by its mark, on a phone too", () =>
  opened(sample, { viewport: { width: 320, height: 640 } }, async ({ tab }) => {
    const sizes = await tab
      .locator("a.country")
      .evaluateAll((links) =>
        links.map((link) => [link.getAttribute("href")!, link.getBoundingClientRect().width] as const),
      );
    for (const [country, width] of sizes) assert.ok(width >= 3, `${country} is ${width} pixels wide`);
  }));

test("the keyboard reaches everything, and the focus is visible", () =>
  opened(sample, {}, async ({ tab }) => {
    const wanted = await tab
      .locator("a[href], summary, input")
      .evaluateAll((all) => all.filter((one) => !one.closest("details") || one.tagName === "SUMMARY").length);
    const seen = new Set<string>();
    for (let i = 0; i < wanted; i++) {
      await tab.keyboard.press("Tab");
      const [name, frame, shown] = await tab.locator(":focus").evaluate((one) => {
        const { outlineStyle, outlineWidth } = one.ownerDocument.defaultView.getComputedStyle(one);
        const { width, height } = one.getBoundingClientRect();
        const place = [...one.ownerDocument.querySelectorAll("*")].indexOf(one);
        return [`${place} ${one.tagName}`, `${outlineStyle} ${outlineWidth}`, width > 3 && height > 3] as const;
      });
      assert.equal(frame, "solid 3px", name);
      assert.ok(shown, `${name} has a size`);
      seen.add(name);
    }
    assert.equal(seen.size, wanted);
    assert.ok(wanted > 60, `${wanted} stops`);
  }));

test("Enter on a country leads to its row, which is marked, and a link skips the map", () =>
  opened(sample, { reducedMotion: "reduce" }, async ({ tab }) => {
    await tab.locator('a.country[href="#country-TV"]').focus();
    await tab.keyboard.press("Enter");
    const row = tab.locator("#country-TV:target");
    assert.match(await style(tab, "#country-TV th", "boxShadow"), /inset/);
    const { y, height } = (await row.boundingBox())!;
    assert.ok(y >= 0 && y + height <= 720, "it is scrolled to, and shown though it is not among the first ten");
    await tab.locator("#map .skip a").focus();
    await tab.keyboard.press("Enter");
    await tab.keyboard.press("Tab");
    assert.equal(await tab.locator(":focus").evaluate((one) => one.closest("#map")), null);
  }));

test("a table shows ten rows, and all of them at a click, without a script", () =>
  opened(sample, {}, async ({ tab }) => {
    const rows = tab.locator("#countries tbody tr:visible");
    const box = tab.locator(".box:has(#countries)");
    assert.equal(await rows.count(), 10);
    assert.match(await box.locator(".all").innerText(), /^10 of 47\s+show all$/);
    await box.getByLabel("show all").check();
    assert.equal(await rows.count(), sample.countries.length);
    assert.equal((await box.locator(".all").innerText()).trim(), "show all");
    assert.equal(await tab.locator("#doors ~ .all").count(), 0, "three rows need none");
  }));

test("on a phone bars and networks are hidden in favour of numbers", () =>
  opened(sample, { viewport: { width: 390, height: 844 } }, async ({ tab }) => {
    assert.equal(await tab.locator(".bar:visible").count(), 0);
    const heads = await tab.locator("#addresses thead th:visible").allTextContents();
    assert.deepEqual(heads, ["Address", "Country", "Attempts", "Last"]);
  }));

test("the first sentence says what the numbers mean", () =>
  opened(sample, {}, async ({ tab }) => {
    assert.equal(
      await tab.locator(".meaning").textContent(),
      "12,052 of 48,211 attempts were for Telnet, port 23. The log says that the firewall rejected all of them: nobody got in that way.",
    );
    assert.equal(await tab.title(), "Who was at the door (gate)");
    assert.match((await tab.locator("#ports").textContent())!, /Remote Desktop \(ms-wbt-server\)/);
  }));

test("landmarks, headings in order, and tables with captions and scopes", () =>
  opened(sample, {}, async ({ tab }) => {
    for (const one of ["header", "nav", "main", "footer"]) assert.equal(await tab.locator(one).count(), 1, one);
    const headings = await tab
      .locator("h1, h2, h3, h4")
      .evaluateAll((all) => all.map(({ tagName, textContent }) => `${tagName} ${textContent}`));
    assert.deepEqual(headings, [
      "H1 Who was at the door",
      ...["Where from", "When", "What they tried", "Who", "Knocks"].map((one) => `H2 ${one}`),
    ]);
    const tables = await tab.locator("table").evaluateAll((all) =>
      all.map((one) => ({
        caption: one.caption!.firstChild!.textContent!.trim(),
        heads: [...one.querySelectorAll("thead th")].every((cell) => cell.getAttribute("scope") === "col"),
        rows: [...one.querySelectorAll("tbody tr")].every(
          (row) => row.firstElementChild!.getAttribute("scope") === "row",
        ),
        count: one.tBodies[0]!.rows.length,
      })),
    );
    const expected = {
      Countries: sample.countries,
      Networks: sample.networks,
      Places: sample.places,
      Days: sample.days,
      Hours: sample.hours,
    };
    const others = {
      Ports: sample.ports,
      "Ports tried together by several addresses": sample.together.filter(({ sources }) => sources > 1),
      Addresses: sample.top,
      Doors: sample.doors,
    };
    assert.deepEqual(
      tables,
      Object.entries({ ...expected, ...others }).map(([caption, rows]) => ({
        caption,
        heads: true,
        rows: true,
        count: rows.length,
      })),
    );
  }));

test("hostile text is shown exactly, and only as text", () =>
  opened(hostile, {}, async ({ tab }) => {
    const shown = HOSTILE.replace("\0", "\ufffd");
    for (const table of ["countries", "networks", "places", "addresses", "together", "doors"])
      assert.equal(await tab.locator(`#${table} tbody th bdi`).first().textContent(), shown, table);
    assert.equal(await tab.locator("#ports tbody td bdi").first().textContent(), shown);
    assert.equal(await tab.locator(".period bdi").textContent(), shown);
    assert.equal(await tab.locator(".left-out li").textContent(), shown);
    assert.equal(
      await tab.locator('a:not([href^="#"]):not([href^="http"])').count(),
      0,
      "no link but to pages and rows",
    );
  }));

test("each database and the outlines are named in the footer, with licence and link", () =>
  opened(sample, {}, async ({ tab }) => {
    assert.deepEqual(await tab.locator("footer li").allTextContents(), [
      "IP to country: example: CC0",
      "IP to network: example: PDDL",
      "Country outlines: Natural Earth, in the package world-atlas: public domain; ISC",
    ]);
    assert.equal(await tab.locator("footer li a").count(), 3);
  }));

test("an empty report says so, and has no map", () =>
  opened(EMPTY, {}, async ({ tab }) => {
    assert.match((await tab.locator("main").textContent())!, /No attempt was counted\./);
    assert.equal(await tab.locator("svg, table, nav, section").count(), 0);
  }));

test("bars, outlines and points have a contrast of three to one", async () => {
  for (const colorScheme of ["light", "dark"] as const) {
    await opened(sample, { colorScheme }, async ({ tab }) => {
      const colour = (name: string) =>
        tab
          .locator(":root")
          .evaluate(
            (root, property) =>
              root.ownerDocument.defaultView.getComputedStyle(root).getPropertyValue(property).trim() as string,
            `--${name}`,
          );
      for (const [one, ground] of [
        ["bar", "card"],
        ["bar", "ground"],
        ["edge", "sea"],
        ["edge", "land"],
        ["shade5", "sea"],
        ["place", "sea"],
        ["link", "ground"],
        ["link", "target"],
      ] as const) {
        const ratio = contrast(await colour(one), await colour(ground));
        assert.ok(ratio >= 3, `${colorScheme}: ${one} on ${ground} is ${ratio.toFixed(2)} : 1`);
      }
      const shades = await Promise.all([1, 2, 3, 4, 5].map((n) => colour(`shade${n}`)));
      const light = shades.map(luminance);
      assert.deepEqual(
        light,
        [...light].sort((a, b) => (colorScheme === "light" ? b - a : a - b)),
        "more is darker, by night lighter",
      );
    });
  }
});

test("nothing moves if the user wants no motion", async () => {
  for (const [reducedMotion, behaviour] of [
    ["reduce", "auto"],
    ["no-preference", "smooth"],
  ] as const)
    await opened(sample, { reducedMotion }, async ({ tab }) => {
      assert.equal(await style(tab, ":root", "scrollBehavior"), behaviour);
    });
});

test("on paper there are no boxes and no menu, and long tables are cut", () =>
  opened(large, {}, async ({ tab }) => {
    await tab.emulateMedia({ media: "print" });
    assert.equal(await tab.locator("nav").isVisible(), false);
    assert.equal(await tab.locator("#addresses tbody tr:visible").count(), 40);
    assert.equal(
      await tab.locator(".box:has(#addresses)").evaluate((box) => box.scrollHeight === box.clientHeight),
      true,
    );
    assert.equal(
      await tab.locator(".box:has(#addresses) .on-paper").innerText(),
      "The first 40 of 2,000 rows. The page on a screen has all of them.",
    );
  }));

test("one more row changes only that row, and the same report makes the same page", () => {
  const fewer = page({ ...sample, top: sample.top.slice(1) });
  assert.ok(fewer.length < page(sample).length);
  assert.equal(page(sample), page(sample));
});

async function opened(
  report: Report,
  options: BrowserContextOptions,
  use: (one: Opened) => Promise<void>,
): Promise<void> {
  const one = await open(browser, report, options);
  try {
    await use(one);
  } finally {
    await one.close();
  }
}

async function barriers(tab: Page): Promise<string[]> {
  await tab.evaluate(axe.source);
  const found = await tab.evaluate<axe.AxeResults>("axe.run(document, { resultTypes: ['violations'] })");
  return found.violations.map(({ id, nodes }) => `${id}: ${nodes[0]!.html.slice(0, 200)} ${nodes[0]!.failureSummary}`);
}

/** The computed style. Code that runs in the page has the page's types, which are not ours. */
function style(tab: Page, selector: string, property: string): Promise<string> {
  return tab
    .locator(selector)
    .evaluate((one, name) => one.ownerDocument.defaultView.getComputedStyle(one)[name] as string, property);
}

function contrast(a: string, b: string): number {
  const [light, dark] = [luminance(a), luminance(b)].sort((x, y) => y - x);
  return (light! + 0.05) / (dark! + 0.05);
}

/** WCAG's relative luminance of `#rrggbb`. */
function luminance(colour: string): number {
  const [r, g, b] = [1, 3, 5]
    .map((i) => Number.parseInt(colour.slice(i, i + 2), 16) / 255)
    .map((part) => (part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4));
  return 0.2126 * r! + 0.7152 * g! + 0.0722 * b!;
}

/** The sample, with this in place of all text that comes from a log or a database. */
function filledWith(text: string): Report {
  return {
    ...sample,
    host: text,
    leftOut: [text],
    ports: sample.ports.map((row) => ({ ...row, protocol: text, service: text })),
    countries: sample.countries.map((row) => ({ ...row, name: text, code: row.code === "VN" ? text : row.code })),
    networks: sample.networks.map((row) => ({ ...row, network: text })),
    places: sample.places.map((row) => ({ ...row, name: text })),
    top: sample.top.map((row) => ({ ...row, address: text, country: text, network: text })),
    together: sample.together.map((row) => ({ ...row, ports: [text] })),
    doors: sample.doors.map((row) => ({ ...row, door: text })),
    sourcesOfData: [
      { name: text, licence: text, link: `javascript:${text}` },
      { name: text, licence: text, link: `https://${text}` },
    ],
  };
}
