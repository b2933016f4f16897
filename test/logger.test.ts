import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, renameSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, afterEach, before, beforeEach, describe, it } from "node:test";
import { Logger, type LogOptions } from "../src/log/logger.ts";
import { type Sink, syslogSink } from "../src/log/sinks.ts";

const LEVELS = ["debug", "say", "info", "note", "warn", "error"] as const;
type Level = (typeof LEVELS)[number];

/** Where each level is logged when every sink exists. */
const GOES: Record<Level, string[]> = {
  debug: ["out"],
  say: ["out"],
  info: ["out", "syslog", "file"],
  note: ["syslog", "file"],
  warn: ["err", "syslog", "file"],
  error: ["err", "syslog", "file"],
};

describe("the logger", () => {
  const realWrite = syslogSink.write;
  let dir: string;
  let logFile: string;
  let files = 0;
  let out: string[];
  let err: string[];
  let syslog: string[];

  before(() => {
    dir = mkdtempSync(join(tmpdir(), "knockd-log-"));
  });
  after(() => rmSync(dir, { recursive: true }));
  beforeEach(() => {
    [out, err, syslog] = [[], [], []];
    logFile = join(dir, `log${++files}`);
    syslogSink.write = (line) => void syslog.push(line);
  });
  afterEach(() => {
    syslogSink.write = realWrite;
  });

  const into = (lines: string[]): Sink => ({ write: (line) => void lines.push(line), flush() {} });
  const open = (options: Partial<LogOptions> = {}) =>
    new Logger({ debug: false, verbose: false, ...options }, into(out), into(err));

  /** The lines of a log file, without the timestamps. */
  function file(path = logFile): string[] {
    return readFileSync(path, "utf8")
      .split("\n")
      .slice(0, -1)
      .map((line) => line.replace(/^\[\d{4}-\d\d-\d\d \d\d:\d\d\] /, ""));
  }

  const yesOrNo = [false, true];
  for (const debug of yesOrNo) {
    for (const verbose of yesOrNo) {
      for (const useSyslog of yesOrNo) {
        for (const withFile of yesOrNo) {
          for (const muted of yesOrNo) {
            const given = { "-D": debug, "-v": verbose, syslog: useSyslog, "log file": withFile, muted };
            const words = Object.entries(given).flatMap(([word, is]) => (is ? [word] : []));
            it(`sends each level to the right place: ${words.join(", ") || "no option"}`, () => {
              const book = open({ debug, verbose });
              book.configure({ useSyslog, logFile: withFile ? logFile : undefined, logFormat: "text" });
              if (muted) book.mute();
              for (const level of LEVELS) book.log[level](`this is ${level}`);
              book.flush();

              const on = (level: Level) => ({
                out: !muted && (level === "debug" ? debug : verbose),
                err: !muted,
                syslog: useSyslog,
                file: withFile,
              });
              const expected = (where: keyof ReturnType<typeof on>) =>
                LEVELS.filter((level) => GOES[level].includes(where) && on(level)[where]).map((it) => `this is ${it}`);
              assert.deepEqual(out, expected("out"));
              assert.deepEqual(err, expected("err"));
              assert.deepEqual(syslog, expected("syslog"));
              if (withFile) assert.deepEqual(file(), expected("file"));
            });
          }
        }
      }
    }
  }

  const silent: [words: string, options: Partial<LogOptions>, useSyslog: boolean, info: boolean, debug: boolean][] = [
    ["nobody listens", {}, false, false, false],
    ["-v", { verbose: true }, false, true, false],
    ["-D", { debug: true }, false, true, true],
    ["syslog", {}, true, true, false],
  ];
  for (const [words, options, useSyslog, info, debug] of silent) {
    it(`says before a text is built whether it will be needed: ${words}`, () => {
      const book = open(options);
      book.configure({ useSyslog, logFile: undefined, logFormat: "text" });
      assert.equal(book.log.isLevelEnabled("info"), info);
      assert.equal(book.log.isLevelEnabled("debug"), debug);
      assert.equal(book.log.isLevelEnabled("warn"), true);
    });
  }

  it("does not change a line", () => {
    const book = open({ verbose: true });
    book.configure({ useSyslog: true, logFile, logFormat: "text" });
    const lines = [
      "%s %d %j %% %",
      '"{"a":1}"',
      "\\n \\",
      "  blanks\t ",
      "ü–\u{1f6aa}",
      "__proto__",
      "[object Object]",
    ];
    for (const line of lines) book.log.info(line);
    book.flush();
    assert.deepEqual([out, syslog, file()], [lines, lines, lines]);
  });

  it("reports only warnings and errors before it has read a config", () => {
    const book = open();
    for (const level of LEVELS) book.log[level](level);
    assert.deepEqual([out, err], [[], ["warn", "error"]]);
  });

  it("reopens the log file at each configure, reports failures in 0.8's words, and reports them to syslog too", () => {
    const book = open({ verbose: true });
    book.configure({ useSyslog: true, logFile, logFormat: "text" });
    book.log.info("one");
    renameSync(logFile, `${logFile}.1`);
    book.configure({ useSyslog: true, logFile, logFormat: "text" });
    book.log.info("two");
    book.flush();
    const reopening = `re-opening log file: ${logFile}`;
    assert.deepEqual(out, ["one", `closing log file: ${logFile}`, reopening, "two"]);
    assert.deepEqual(syslog, ["one", reopening, "two"]);
    assert.deepEqual([file(`${logFile}.1`), file()], [["one"], ["two"]]);
    assert.deepEqual(err, []);
  });

  it("switches to another log file, to none, and back to one; the same with syslog", () => {
    const book = open();
    const other = `${logFile}.other`;
    const kept: [useSyslog: boolean, logFile: string | undefined][] = [
      [true, logFile],
      [false, other],
      [true, undefined],
      [false, undefined],
      [true, logFile],
    ];
    kept.forEach(([useSyslog, logFile], i) => {
      book.configure({ useSyslog, logFile, logFormat: "text" });
      book.log.info(`${i}`);
    });
    book.flush();
    assert.deepEqual([syslog, file(), file(other)], [["0", "2", "4"], ["0", "4"], ["1"]]);
  });

  it("writes pino's JSON on request, but only to the log file", () => {
    const book = open({ debug: true, verbose: true });
    book.configure({ useSyslog: true, logFile, logFormat: "json" });
    assert.ok(book.tellsEvents);
    for (const level of LEVELS) book.log[level]({ door: "a" }, level);
    book.event('"quoted"\n', () => ({ event: "stage", door: "a\u001b" }));
    book.flush();
    const events = (lines: string[]) => [...lines, '"quoted"\n'];
    assert.deepEqual(syslog, events(["info", "note", "warn", "error"]));
    assert.deepEqual([out, err], [events(["debug", "say", "info"]), ["warn", "error"]]);
    const written = readFileSync(logFile, "utf8").split("\n").slice(0, -1);
    const parsed = written.map((line) => JSON.parse(line));
    assert.ok(parsed.every(({ time }) => Math.abs(Date.parse(time) - Date.now()) < 60_000));
    assert.deepEqual(
      parsed.map(({ time: _, ...rest }) => rest),
      [
        { level: 30, door: "a", msg: "info" },
        { level: 35, door: "a", msg: "note" },
        { level: 40, door: "a", msg: "warn" },
        { level: 50, door: "a", msg: "error" },
        { level: 30, event: "stage", door: "a\u001b", msg: '"quoted"\n' },
      ],
    );
  });

  it("switches between the formats, even within one file", () => {
    const book = open();
    for (const logFormat of ["json", "text", "json"] as const) {
      book.configure({ useSyslog: false, logFile, logFormat });
      book.event(`event in ${logFormat}`, () => ({}));
    }
    book.configure({ useSyslog: false, logFile: undefined, logFormat: "json" });
    assert.equal(book.tellsEvents, false);
    const lines = readFileSync(logFile, "utf8").split("\n").slice(0, -1);
    const json = lines.map((line) => line.startsWith("{") && JSON.parse(line).msg);
    assert.deepEqual(json, ["event in json", false, "event in json"]);
    assert.match(lines[1]!, /^\[\d{4}-\d\d-\d\d \d\d:\d\d\] event in text$/);
  });

  it("makes no fields if they are not needed", () => {
    const book = open({ verbose: true });
    book.configure({ useSyslog: true, logFile, logFormat: "text" });
    book.event("line", () => assert.fail());
    book.configure({ useSyslog: true, logFile: undefined, logFormat: "json" });
    book.event("line", () => assert.fail());
    assert.deepEqual(syslog.slice(0, 2), ["line", "line"]);
  });

  it("reports trouble with the log file to standard error and syslog, once per configure, and continues", () => {
    const book = open({ verbose: true });
    const missing = join(dir, "nowhere/log");
    const why = `warning: cannot open logfile ${missing}: No such file or directory`;
    book.configure({ useSyslog: true, logFile: missing, logFormat: "text" });
    book.log.info("one");
    book.log.info("two");
    assert.deepEqual([err, syslog, out], [[why], [why, "one", "two"], ["one", "two"]]);
    book.configure({ useSyslog: true, logFile: missing, logFormat: "text" });
    assert.deepEqual(err, [why, why]);

    book.mute();
    book.configure({ useSyslog: true, logFile: "/dev/full", logFormat: "text" });
    book.log.info("three");
    book.flush();
    assert.equal(syslog.at(-1), "warning: cannot write logfile /dev/full: No space left on device");
    assert.equal(err.length, 2);
  });
});
