// Tests knockctl check as people call it: without root, with this system's files in their places, and with --fix.
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, symlinkSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { needsRoot, repo } from "./wire.ts";

const KNOCKCTL = join(repo, "dist/src/knockctl.js");
const SEQUENCE = "[a]\nsequence = 4001,1002:udp,3003\n";
const GOOD = `${SEQUENCE}command = true\n`;

describe("knockctl check", () => {
  const dir = mkdtempSync(join(tmpdir(), "check-"));
  after(() => rmSync(dir, { recursive: true }));
  const file = join(dir, "k.conf");
  const write = (text: string, mode = 0o640) => {
    writeFileSync(file, text);
    chmodSync(file, mode);
  };
  const run = (args: string[], input = "") => {
    const { status, stdout, stderr } = spawnSync(process.execPath, [KNOCKCTL, "check", ...args], {
      input,
      encoding: "utf8",
    });
    return { status, stdout, stderr };
  };
  /** Runs it at a terminal. Its output includes everything that is written there. */
  const inTerminal = (args: string, input: string, env = {}) => {
    const command = `${process.execPath} ${KNOCKCTL} check ${args}`;
    const given = { input, encoding: "utf8", env: { ...process.env, CI: undefined, TERM: "xterm", ...env } } as const;
    const { status, stdout } = spawnSync("script", ["-qec", command, "/dev/null"], given);
    return { status, stdout };
  };

  it("reports the severity by its exit status, and ends with a count", () => {
    const table: [config: string, args: string[], status: number, stdout: RegExp][] = [
      [GOOD, [file], 0, /k\.conf: OK\n$/],
      [
        `${GOOD}timeout = 9 min`,
        [file],
        1,
        /k\.conf:4: warning: seq_timeout "9 min" is read as 9 seconds\n {4}timeout = 9 min\n\n0 errors, 1 warning\n$/,
      ],
      [
        "[a]\nsequense = 1\n",
        [file],
        2,
        /k\.conf:2: error: .*\n.*\n {4}sequense = 1\n {2}Did you mean "sequence"\?\n\n1 error, 0 warnings\n$/,
      ],
      [
        GOOD,
        [join(dir, "none")],
        2,
        /^\S+none: error: No such file or directory\n {2}Name the config: knockctl check FILE\n/,
      ],
      [GOOD, [file, "--nonsense"], 3, /^$/],
      [GOOD, [file, file], 3, /^$/],
      [GOOD, ["--help"], 0, /Exit status:\n {2}0 {2}nothing was found; /],
    ];
    for (const [config, args, status, stdout] of table) {
      write(config);
      const result = run(args);
      assert.equal(result.status, status, `${args}: ${result.stdout}${result.stderr}`);
      assert.match(result.stdout, stdout);
      assert.match(result.stderr, status === 3 ? /^error: / : /^$/);
    }
  });

  it("prints everything that knockd --check prints, exactly, and more", () => {
    for (const config of ["[a]\nsequence = 1,x\ntimeout = 1 s\n", "[a]\nsequence = 1\n[b]\ntcpflags = x\n"]) {
      write(config);
      const knockd = spawnSync(process.execPath, [join(repo, "dist/src/knockd.js"), "--check", "-c", file], {
        encoding: "utf8",
      });
      const lines = knockd.stderr.split("\n").slice(0, -1);
      const findings = run(["--json", file])
        .stdout.split("\n")
        .slice(0, -1)
        .map((line) => JSON.parse(line));
      assert.ok(lines.length > 0);
      assert.deepEqual(
        findings
          .filter(({ lint }) => lint === "config")
          .map(({ text }) => text)
          .sort(),
        lines.sort(),
      );
      assert.equal(
        knockd.status === 1,
        findings.some(({ severity }) => severity === "error"),
      );
    }
  });

  it("with --json prints objects and counts", () => {
    write("[a]\nsequence = 1001,2002,3003\ncommand = true\n", 0o644);
    const { stdout, status } = run(["--json", file]);
    const [first, second, end, ...more] = stdout
      .split("\n")
      .slice(0, -1)
      .map((line) => JSON.parse(line));
    assert.deepEqual([first.lint, first.fixable, first.line], ["readable-by-all", true, undefined]);
    assert.deepEqual(
      [second.lint, second.fixable, second.line, second.severity],
      ["weak-sequence", false, 2, "warning"],
    );
    assert.deepEqual(end, { version: 1, type: "end", file, errors: 0, warnings: 2 });
    assert.deepEqual([more, status], [[], 1]);
    assert.doesNotMatch(stdout, /1001|2002|3003/, "the secret");
  });

  it("finds knocks at ports on which programs listen now", async () => {
    const server = createServer().listen(0, "127.0.0.1");
    await new Promise((resolve) => server.once("listening", resolve));
    const { port } = server.address() as { port: number };
    write(`[a]\nsequence = 4001,${port},3003\n`);
    const lints = () => [...run(["--json", file]).stdout.matchAll(/"lint":"([a-z-]+)"/g)].map(([, name]) => name);
    assert.ok(lints().includes("port-in-use"));
    server.close();
    await new Promise((resolve) => server.once("close", resolve));
    assert.ok(!lints().includes("port-in-use"));
  });

  it("needs no privilege", { skip: needsRoot }, () => {
    write(GOOD);
    const argv = ["--bounding-set=-all", "--no-new-privs", process.execPath, KNOCKCTL, "check", file];
    const { status, stdout } = spawnSync("setpriv", argv, { encoding: "utf8" });
    assert.deepEqual([status, stdout], [0, `${file}: OK\n`]);
  });

  describe("--fix", () => {
    const difference = `${file}\n--rw-r--r-- (0644)\n+-rw-r----- (0640)\n`;
    const mode = () => statSync(file).mode & 0o777;

    it("shows the difference, and with --yes corrects it", () => {
      write(GOOD, 0o644);
      const { status, stdout } = run(["--fix", "--yes", file]);
      assert.deepEqual([status, stdout, mode()], [0, `${difference}${file}: OK\n`, 0o640]);
    });

    it("changes nothing if it cannot ask", () => {
      write(GOOD, 0o644);
      const { status, stdout, stderr } = run(["--fix", file], "y\n");
      assert.deepEqual([status, mode()], [1, 0o644]);
      assert.ok(stdout.startsWith(difference));
      assert.match(stderr, /^knockctl: nothing is corrected: there is no terminal for the question. Use --yes\n$/);
    });

    for (const [answer, mended] of [
      ["n", false],
      ["", false],
      ["y", true],
    ] as const) {
      it(`asks in a terminal: "${answer}"`, () => {
        write(GOOD, 0o644);
        const { status, stdout } = inTerminal(`--fix ${file}`, `${answer}\n`, { NO_COLOR: "1" });
        assert.match(stdout, /Apply this change\? \[y\/N\]/);
        assert.deepEqual([status, mode()], mended ? [0, 0o640] : [1, 0o644]);
      });
    }
  });

  it("has colours only on a terminal, and not with NO_COLOR", () => {
    write(`${GOOD}timeout = 9 min`);
    const coloured = `${file}:4: \x1b[33mwarning\x1b[39m: `;
    assert.ok(inTerminal(file, "").stdout.startsWith(coloured));
    assert.ok(inTerminal(file, "", { NO_COLOR: "1" }).stdout.startsWith(`${file}:4: warning: `));
    assert.ok(run([file]).stdout.startsWith(`${file}:4: warning: `));
  });

  describe("on this system", { skip: needsRoot }, () => {
    // As the package installs it, in a mount namespace: /etc/default and /etc/systemd/system are the test's folders,
    // /run is empty.
    const [defaults, system] = [join(dir, "default"), join(dir, "system")];
    const INSIDE = `
      set -e
      mount -t tmpfs none /run && mkdir -p /run/systemd/system /etc/default
      mount --bind ${defaults} /etc/default && mount --bind ${system} /etc/systemd/system
      exec "$@"`;
    const here = (...args: string[]) => {
      const argv = ["-m", "sh", "-c", INSIDE, "sh", process.execPath, KNOCKCTL, "check", ...args];
      const { status, stdout, stderr } = spawnSync("unshare", argv, { encoding: "utf8" });
      return { status, stdout, stderr };
    };
    before(() => {
      mkdirSync(defaults);
      mkdirSync(join(system, "knockd.service.d"), { recursive: true });
      mkdirSync(join(system, "multi-user.target.wants"));
      writeFileSync(join(system, "knockd.service"), readFileSync(join(repo, "systemd/knockd.service")));
      writeFileSync(join(defaults, "knockd"), `START_KNOCKD=no\nKNOCKD_OPTS="-i eth0 -c ${file}"\n`);
    });

    it("checks the config that KNOCKD_OPTS names, and explains START_KNOCKD; --fix corrects it", () => {
      write(GOOD);
      assert.deepEqual(here(), { status: 0, stdout: `${file}: OK\n`, stderr: "" });
      symlinkSync("../knockd.service", join(system, "multi-user.target.wants/knockd.service"));
      const found = here();
      assert.equal(found.status, 1, found.stderr);
      assert.match(
        found.stdout,
        /^\/etc\/default\/knockd:1: warning: this does not keep knockd from starting: .*\n.*\n {4}START_KNOCKD=no\n/,
      );
      const other = join(dir, "other.conf");
      writeFileSync(other, GOOD, { mode: 0o600 });
      assert.equal(here(other).status, 0, "it is not that system's config");
      const mended = here("--fix", "--yes");
      assert.deepEqual([mended.status, mended.stderr], [0, ""]);
      assert.ok(mended.stdout.startsWith("/etc/default/knockd\n-START_KNOCKD=no\n+START_KNOCKD=1\n"));
      assert.match(readFileSync(join(defaults, "knockd"), "utf8"), /^START_KNOCKD=1\nKNOCKD_OPTS=/);
    });

    it("reports what the unit refuses, with its drop-ins", () => {
      write(`${SEQUENCE}command = touch /etc/knocked\nstop_command = /bin/mount /mnt\n`);
      const refused = () =>
        [...here("--json", file).stdout.matchAll(/knockd\.service refuses this: (.*?)"/g)].map(([, why]) => why);
      assert.deepEqual(refused(), ["mount needs CAP_SYS_ADMIN (CapabilityBoundingSet)"]);
      const dropIn = readFileSync(join(repo, "examples/knockd-hardened.conf"));
      writeFileSync(join(system, "knockd.service.d/knockd-hardened.conf"), dropIn);
      assert.deepEqual(refused(), [
        "/etc/knocked is read-only (ProtectSystem=strict)",
        "mount needs CAP_SYS_ADMIN (CapabilityBoundingSet)",
      ]);
    });
  });
});
