// Checks the documentation: its links work, and the commands, options and directives that it names exist. markdown.ts
// explains how a fenced block says whether it is an example or which test runs it.
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { after, describe, it } from "node:test";
import { directiveName, doorDirectives, optionDirectives } from "../src/config/directives.ts";
import { readConfig } from "../src/config/read.ts";
import { repo } from "./live/wire.ts";
import { AVOIDED, blocksOf, readPage } from "./markdown.ts";

const DOCS = readdirSync(join(repo, "docs")).map((name) => `docs/${name}`);
const PAGES = ["README.md", "CONTRIBUTING.md", "CHANGELOG.md", "SECURITY.md", ...DOCS];

/** Workflows and issue templates. */
const FORMS = readdirSync(join(repo, ".github"), { recursive: true, encoding: "utf8" })
  .filter((name) => name.endsWith(".yml"))
  .map((name) => `.github/${name}`);

const MAX_LINES = 150;
const LONGEST_LINE = 100;
/** A row of a table can't be wrapped. */
const LONGEST_ROW = 170;
/** Sessions, and configs of other programs: none of it can be run here. */
const SHOWN = ["console", "text", "bat", "powershell"];

interface Place {
  readonly page: string;
  readonly line: number;
  readonly text: string;
}

for (const page of PAGES) {
  describe(page, () => {
    const markdown = readPage(page);
    const lines = markdown.split("\n").map((text, i) => ({ page, line: i + 1, text }));
    const blocks = blocksOf(markdown);
    const isIn = (line: number) => blocks.find((one) => line > one.line && line <= one.line + count(one.text));
    const prose = lines.filter(({ line, text }) => !isIn(line) && !text.startsWith("```"));

    it("has short lines", () => {
      const isLong = ({ line, text }: Place) => {
        // The value of a directive can't be continued.
        if (isIn(line)?.language === "ini" || /^\[.*\]: http/.test(text)) return false;
        return text.length > (text.startsWith("|") ? LONGEST_ROW : LONGEST_LINE);
      };
      assert.deepEqual(lines.filter(isLong).map(show), []);
    });

    it("has at most one sentence in the cell of a table", () => {
      const cells = prose.filter(({ text }) => text.startsWith("|"));
      const isTwo = ({ text }: Place) =>
        text.split("|").some((cell) => /[.?!] +[A-Z`]/.test(cell.replace(/`[^`]*`/g, "`")));
      assert.deepEqual(cells.filter(isTwo).map(show), []);
    });

    it("addresses the reader as you, in plain English", () => {
      assert.deepEqual(prose.filter(({ text }) => AVOIDED.test(text)).map(show), []);
    });

    it("has links that work", () => {
      const broken = prose.filter(({ text }) => linksOf(text).some((link) => !leads(page, link)));
      assert.deepEqual(broken.map(show), []);
    });

    it("says for each block which test runs it", () => {
      const wrong = blocks.filter(({ language, runBy }) => {
        if (SHOWN.includes(language)) return runBy !== undefined;
        if (language === "ini" && runBy === undefined) return false;
        if (language === "json") return runBy !== undefined;
        return !["sh", "ini"].includes(language) || !(runBy === "example" || isRunBy(page, runBy));
      });
      assert.deepEqual(
        wrong.map(({ line, language, runBy }) => `${page}:${line}: ${language} ${runBy}`),
        [],
      );
    });

    it("names files that exist", () => {
      const files =
        markdown.match(/(?<![\w./])(dist\/)?(test|src|bench|examples|packaging|native|fuzz|scripts)\/[\w./*-]*\w/g) ??
        [];
      assert.deepEqual(
        files.filter((file) => !file.includes("NAME") && !isThere(file)),
        [],
      );
    });
  });
}

describe("the pages together", () => {
  it("README.md is short", () => {
    assert.ok(count(readPage("README.md")) <= MAX_LINES);
  });

  it("README.md links to each page", () => {
    const links = linksOf(readPage("README.md")).map((link) => link.replace(/#.*/, ""));
    assert.deepEqual(
      PAGES.slice(1).filter((page) => !links.includes(page)),
      [],
    );
  });

  it("CONTRIBUTING.md says what each dependency is for", () => {
    const { dependencies, devDependencies, optionalDependencies } = JSON.parse(readPage("package.json"));
    const names = Object.keys({ ...dependencies, ...devDependencies, ...optionalDependencies });
    const text = readPage("CONTRIBUTING.md");
    assert.deepEqual(
      names.filter((name) => !text.includes(`\`${name}\``)),
      [],
    );
  });

  it("knockd accepts each config", () => {
    const dir = mkdtempSync(join(tmpdir(), "docs-"));
    after(() => rmSync(dir, { recursive: true }));
    for (const page of PAGES) {
      for (const { language, text, line } of blocksOf(readPage(page))) {
        if (language !== "ini") continue;
        const file = join(dir, "knockd.conf");
        writeFileSync(file, text, { mode: 0o640 });
        const config = readConfig(file);
        assert.deepEqual(config.warnings, [], `${page}:${line}`);
      }
    }
  });

  it("name only commands, options and npm scripts that exist", () => {
    const { scripts } = JSON.parse(readPage("package.json")) as { scripts: Record<string, string> };
    const npm = ({ text }: Place) =>
      [...text.matchAll(/\bnpm run ([a-z][\w:-]*)/g)].every(([, name]) => name! in scripts);
    assert.deepEqual(
      commandLines()
        .filter((one) => !npm(one) || unknownIn(one.text).length > 0)
        .map(show),
      [],
    );
  });

  it("list each directive, and no other, in the tables of docs/config.md", () => {
    const rows = readPage("docs/config.md").match(/^\| `[A-Z].*$/gm) ?? [];
    const named = rows.flatMap((row) => row.split("|")[1]!.match(/\w+/g)!).map(directiveName);
    const known = [...new Set([...Object.keys(doorDirectives), ...Object.keys(optionDirectives)])];
    assert.deepEqual([...new Set(named)].sort(), known.sort());
  });
});

describe("the checks themselves", () => {
  it("detect an option and a command that do not exist", () => {
    assert.deepEqual(unknownIn("sudo knockctl explain --last | less -R"), []);
    assert.deepEqual(unknownIn("sudo knockctl explain --lost"), ["knockctl explain --lost"]);
    assert.deepEqual(unknownIn("knockctl explian 10.77.0.2"), ["knockctl explian"]);
    assert.deepEqual(unknownIn("knock -q HOST 1"), ["knock -q"]);
    assert.deepEqual(unknownIn("journalctl -t knockd -n 50"), []);
  });
  it("detect a link that leads nowhere", () => {
    assert.deepEqual(linksOf("[a](docs/config.md#options), ![b][c]\n[c]: x.png"), ["docs/config.md#options", "x.png"]);
    assert.equal(leads("README.md", "docs/config.md#options"), true);
    assert.equal(leads("README.md", "docs/config.md#option"), false);
    assert.equal(leads("docs/config.md", "hardening.md"), true);
    assert.equal(leads("docs/config.md", "docs/hardening.md"), false);
  });
});

function show({ page, line, text }: Place): string {
  return `${page}:${line}: ${text}`;
}

function count(text: string): number {
  return text.trimEnd().split("\n").length;
}

function linksOf(text: string): readonly string[] {
  const inline = [...text.replace(/`[^`]*`/g, "").matchAll(/\]\(([^)\s]+)\)/g)].map(([, link]) => link!);
  const defined = [...text.matchAll(/^\[[^\]]+\]: (\S+)$/gm)].map(([, link]) => link!);
  return [...inline, ...defined];
}

function leads(page: string, link: string): boolean {
  if (/^https?:\/\//.test(link)) return true; // no test asks the network
  const [path = "", anchor] = link.split("#");
  const file = path === "" ? page : join(dirname(page), path);
  if (!existsSync(join(repo, file))) return false;
  return anchor === undefined || anchorsOf(file).includes(anchor);
}

/** The anchors that GitHub derives from headings. */
function anchorsOf(page: string): readonly string[] {
  const headings = readPage(page).match(/^#+ .*$/gm) ?? [];
  return headings.map((heading) =>
    heading
      .replace(/^#+ /, "")
      .toLowerCase()
      .replace(/[^\p{L}\p{N} _-]/gu, "")
      .replaceAll(" ", "-"),
  );
}

/** A test file that reads this page. */
function isRunBy(page: string, test: string | undefined): boolean {
  if (test === undefined || !existsSync(join(repo, test))) return false;
  const folder = join(repo, dirname(test));
  const texts = [test, ...readdirSync(folder).map((name) => join(dirname(test), name))].filter((one) =>
    /\.ts$/.test(one),
  );
  return texts.some((one) => readFileSync(join(repo, one), "utf8").includes(page));
}

function isThere(file: string): boolean {
  const source = file.replace(/^dist\//, "").replace(/\.js$/, ".ts");
  const [folder, pattern] = [dirname(source), source.split("/").at(-1)!];
  if (!pattern.includes("*")) return existsSync(join(repo, source));
  const names = new RegExp(`^${pattern.replaceAll(".", "\\.").replaceAll("*", ".*")}$`);
  return existsSync(join(repo, folder)) && readdirSync(join(repo, folder)).some((name) => names.test(name));
}

/** Everything that a reader could type: blocks of sh and console, and code in the text. */
function commandLines(): readonly Place[] {
  const forms = FORMS.flatMap((page) =>
    readPage(page)
      .split("\n")
      .map((text, i) => ({ page, line: i + 1, text })),
  );
  const pages = PAGES.flatMap((page) => {
    const markdown = readPage(page);
    const inBlocks = blocksOf(markdown)
      .filter(({ language }) => ["sh", "console"].includes(language))
      .flatMap(({ language, text, line }) =>
        text
          .split("\n")
          .map((text, i) => ({ page, line: line + 1 + i, text }))
          .filter(({ text }) => language === "sh" || /^(\$|\S+ \$) /.test(text)),
      );
    const inProse = markdown
      .split("\n")
      .flatMap((text, i) =>
        (text.match(/`[^`]+`/g) ?? []).map((code) => ({ page, line: i + 1, text: code.slice(1, -1) })),
      );
    return [...inBlocks, ...inProse];
  });
  return [...forms, ...pages];
}

/** Our commands in a line whose subcommand or option is not in `--help`. */
function unknownIn(line: string): readonly string[] {
  const words = line.replace(/ #.*/, "").replace(/'[^']*'/g, "TEXT");
  const control = [...words.matchAll(/(?<![\w./-])knockctl ([a-z][a-z-]*)([^|;&>]*)/g)].flatMap(([, command, rest]) => {
    const help = helpOf("knockctl", command!);
    if (help === undefined) return [`knockctl ${command}`];
    return optionsIn(rest!)
      .filter((option) => !has(help, option))
      .map((option) => `knockctl ${command} ${option}`);
  });
  const others = [...words.matchAll(/(?<![\w./-]|-t )(knockd?|knockctl) (-[^|;&>]*)/g)].flatMap(([, program, rest]) =>
    optionsIn(rest!)
      .filter((option) => !has(helpOf(program!)!, option))
      .map((option) => `${program} ${option}`),
  );
  return [...control, ...others];
}

const optionsIn = (text: string): readonly string[] => text.match(/(?<=^|\s)--?[a-zA-Z0-9][\w-]*/g) ?? [];
const has = (help: string, option: string): boolean =>
  ["-h", "--help"].includes(option) || new RegExp(`(^|[\\s,])${option}(?![\\w-])`).test(help);

/** Without the `--help` of commands that the program does not have. */
function helpOf(program: string, command?: string): string | undefined {
  const key = `${program} ${command ?? ""}`;
  if (!helps.has(key)) helps.set(key, askHelp(program, command));
  return helps.get(key);
}
const helps = new Map<string, string | undefined>();

function askHelp(program: string, command?: string): string | undefined {
  const ask = (...args: string[]) =>
    execFileSync(process.execPath, [join(repo, `dist/src/${program}.js`), ...args], {
      encoding: "utf8",
      stdio: "pipe",
    });
  if (command === undefined) return ask("--help");
  if (!new RegExp(`^ +${command}\\b`, "m").test(ask("--help"))) return undefined;
  return ask(command, "--help");
}
