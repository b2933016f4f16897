import assert from "node:assert/strict";
import { spawn, spawnSync } from "node:child_process";
import {
  closeSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { after, before, describe, it } from "node:test";
import fc from "fast-check";
import { argvCandidates, type Run, run, runByNode, substituteAddress } from "../src/runner/command.ts";
import { compiled, needsRoot } from "./live/wire.ts";
import { scaled, untilShell } from "./time-limit.ts";

describe("fillIn", () => {
  const cases: [command: string, filled: string][] = [
    ["iptables -A KNOCKD -s %IP% -j ACCEPT", "iptables -A KNOCKD -s fd77::2 -j ACCEPT"],
    ["%IP%%IP% %IP%", "fd77::2fd77::2 fd77::2"],
    ["echo %ip% %i %IP %%IP%% $1 $& $$ \\%IP%", "echo %ip% %i %IP %fd77::2% $1 $& $$ \\fd77::2"],
    ["true", "true"],
    ["", ""],
  ];
  for (const [command, filled] of cases) {
    it(`expands ${JSON.stringify(command)} to ${JSON.stringify(filled)}`, () =>
      assert.equal(substituteAddress(command, "fd77::2"), filled));
  }

  it("replaces every %IP% and nothing else", () => {
    const part = fc.oneof(fc.constantFrom("%", "%I", "IP", "P%", "%IP%", "$&", "$`", "$1", "\\"), fc.string());
    fc.assert(
      fc.property(fc.array(part), (parts) => {
        const command = parts.join("");
        assert.equal(substituteAddress(command, "10.77.0.2"), command.split("%IP%").join("10.77.0.2"));
      }),
    );
  });
});

describe("argvCandidates", () => {
  const plain: [command: string, words: string[]][] = [
    [
      "/usr/sbin/iptables -A INPUT -s 10.77.0.2 -j ACCEPT",
      "/usr/sbin/iptables -A INPUT -s 10.77.0.2 -j ACCEPT".split(" "),
    ],
    ["  /bin/echo  a   b=c ", ["/bin/echo", "a", "b=c"]],
    ["/bin/echo", ["/bin/echo"]],
    ["/sbin/a=b c", ["/sbin/a=b", "c"]],
  ];
  for (const [command, words] of plain) {
    it(`needs no shell for: ${command}`, () =>
      assert.deepEqual(argvCandidates(command), [words, ["/bin/sh", "-c", command]]));
  }

  for (const command of [
    "iptables -F",
    "/mnt/scripts/open 10.77.0.2",
    "/usr/local/bin/open 10.77.0.2",
    "/usr/binaries/open",
    "echo",
    "./run",
    "A=b /bin/true",
    "/bin/echo $HOME",
    "/bin/echo ~",
    "/bin/echo *",
    "/bin/echo [a]",
    "/bin/echo 'a  b'",
    "/bin/echo a\\ b",
    "/bin/echo a#b",
    "/bin/echo a; /bin/echo b",
    "/bin/echo a | cat",
    "/bin/echo a &",
    "/bin/echo a >/dev/null",
    "/bin/echo {a,b}",
    "/bin/echo a\tb",
    "/bin/echo a\nb",
    "/bin/echo ä",
    ..."\u00a0 \u3000 \u2028 \ufeff \u0085 \v \f \r"
      .split(" ")
      .flatMap((blank) => [`${blank}/bin/echo a`, `/bin/echo a${blank}`]),
    `/bin/echo ${"a ".repeat(64 << 10)}`,
    "! /bin/true",
    "",
  ]) {
    it(`needs the shell for: ${JSON.stringify(command).slice(0, 80)}`, () =>
      assert.deepEqual(argvCandidates(command), [["/bin/sh", "-c", command]]));
  }

  it("splits the line into the words that the shell would pass to the program", () => {
    const letters = [
      ..."aZ_09./:=,@%+- ",
      "  ",
      "%IP%",
      "~",
      "*",
      "?",
      "#",
      "^",
      "{",
      "}",
      "!",
      "'",
      '"',
      "\\",
      "$",
      "ä",
      "\t",
    ];
    const line = fc.array(fc.constantFrom(...letters), { maxLength: 12 }).map((parts) => parts.join(""));
    let [without, needed] = [0, 0];
    fc.assert(
      fc.property(line, (rest) => {
        const [words] = argvCandidates(`/usr/bin/printf %s/ ${rest}`);
        if (words![0] === "/bin/sh") return void needed++;
        without++;
        const byShell = spawnSync("/bin/sh", ["-c", `/usr/bin/printf %s/ ${rest}`], { encoding: "utf8" });
        const [file, ...argv] = words!;
        assert.equal(spawnSync(file!, argv, { encoding: "utf8" }).stdout, byShell.stdout);
      }),
      { numRuns: 300 },
    );
    assert.ok(without > 20 && needed > 20, `${without} without, ${needed} with a shell`);
  });
});

describe("a command line that is too long", () => {
  const ends = async (how: Run, command: string) => {
    try {
      return (await how(command)).status;
    } catch {
      return "not started";
    }
  };
  const long = (length: number) => "a".repeat(length);
  const cases: [what: string, command: string, status: number | "not started"][] = [
    ["by its program's name", `/bin/${long(300)}`, 127],
    ["by its program's path", `/bin/${"../bin/".repeat(700)}true`, 127],
    ["by one word", `/bin/true ${long(140_000)}`, "not started"],
    ["by all of its words", `/bin/true ${"a ".repeat(70_000)}`, "not started"],
    ["by no byte", `/bin/true ${long((128 << 10) - 11)}`, 0],
    ["by one byte", `/bin/true ${long((128 << 10) - 10)}`, "not started"],
  ];
  for (const [what, command, status] of cases) {
    it(`${what}: same result as with the shell`, async () => {
      assert.deepEqual([await ends(run, command), await ends(runByNode, command)], [status, status]);
    });
  }
});

it("a command runs even if /dev/null is missing", { skip: needsRoot }, () => {
  const script = `
    import { run } from ${JSON.stringify(new URL("../src/runner/command.js", import.meta.url).href)};
    console.log((await run("/bin/echo plain")).status, (await run("echo shell; exit 3")).status);
  `;
  // Only in this process's mount namespace: an empty /dev.
  const withoutDev = ["-m", "sh", "-c", 'mount -t tmpfs no-dev /dev && [ ! -e /dev/null ] && exec "$@"', "sh"];
  const argv = [...withoutDev, process.execPath, "--input-type=module", "-e", script];
  const { stdout, stderr } = spawnSync("unshare", argv, { encoding: "utf8", stdio: ["ignore", "pipe", "pipe"] });
  assert.equal(stdout, "plain\nshell\n0 3\n", stderr);
});

it("the addon runs commands if the kernel supports it, as this one does", () => assert.notEqual(run, runByNode));

for (const [name, by] of [
  ["run", run],
  ["runByNode", runByNode],
] as const)
  describe(name, () => commands(name, by));

function commands(name: string, run: Run): void {
  let dir: string;
  before(() => {
    dir = mkdtempSync(join(tmpdir(), "knockd-command-"));
  });
  after(() => rmSync(dir, { recursive: true }));

  const statuses: [command: string, status: number][] = [
    ["true", 0],
    ["exit 3", 3],
    ["exit 255", 255],
    ["/nonexistent", 127],
    ["kill -TERM $$", 143],
    ["kill -KILL $$", 137],
    ["(kill -KILL $$)& wait", 137],
  ];
  for (const [command, status] of statuses) {
    it(`resolves with ${status} for: ${command}`, async () =>
      assert.equal((await run(`{ ${command}; } 2>/dev/null`)).status, status));
  }

  it("has the same exit status and arguments without a shell as with one", async () => {
    const file = join(dir, "plain");
    writeFileSync(`${file}.sh`, `echo "$#" "$@" >${file}; exit 4`, { mode: 0o755 }); // a program that no kernel can run
    assert.equal((await run(`${file}.sh a  b=c `)).status, 4);
    assert.equal(readFileSync(file, "utf8"), "2 a b=c\n");
    assert.equal((await run("/bin/false")).status, 1);
    assert.equal((await run("/bin/sleep")).status, 1);
    assert.equal((await run("/nonexistent a")).status, 127);
    assert.equal((await run("/etc/passwd")).status, 126);
    assert.equal((await run("/etc")).status, 126);
  });

  it("has the same environment without a shell as with one", async () => {
    const script = `
      import { ${name} } from ${JSON.stringify(new URL("../src/runner/command.js", import.meta.url).href)};
      process.chdir("/");
      const command = "/usr/bin/env";
      await ${name}(command);
      console.log("--");
      await ${name}(\`\${command} ;\`);
    `;
    const { stdout } = spawnSync(process.execPath, ["--input-type=module", "-e", script], {
      encoding: "utf8",
      cwd: dir,
      env: { PATH: "/usr/bin:/bin", PWD: dir },
    });
    const [plain, byShell] = stdout.split("--\n").map((text) => text.trim().split("\n").sort());
    assert.deepEqual(plain, ["PATH=/usr/bin:/bin", "PWD=/"]);
    assert.deepEqual(plain, byShell);
  });

  it("rejects if the system cannot start it", async () => {
    await assert.rejects(run(`: ${"x".repeat(200_000)}`), /E2BIG|Argument list too long/);
  });

  it("rejects, and affects nothing else, if no process can be created", () => {
    const script = `
      import { openSync } from "node:fs";
      import { ${name} } from ${JSON.stringify(new URL("../src/runner/command.js", import.meta.url).href)};
      try { for (;;) openSync("/dev/null"); } catch {}
      console.log(await ${name}("true").then(({ status }) => status).catch((error) => error.message));
    `;
    const argv = ["-c", 'ulimit -n 64; exec "$@"', "sh", process.execPath, "--input-type=module", "-e", script];
    const { stdout, stderr } = spawnSync("sh", argv, { encoding: "utf8", timeout: scaled(10_000) });
    assert.match(stdout, /EMFILE|Too many open files/);
    assert.equal(stderr, "");
  });

  it("runs in parallel with any number of others", async () => {
    const order: number[] = [];
    const slow = run(`${untilShell(`[ -e ${dir}/go ]`)}; exit 1`).then(({ status }) => order.push(status));
    const quick = [2, 3, 4].map((status) => run(`exit ${status}`).then((it) => order.push(it.status)));
    await Promise.all(quick);
    assert.deepEqual([...order].sort(), [2, 3, 4]);
    await run(`: >${dir}/go`);
    await slow;
    assert.equal(order.at(-1), 1);
  });

  it("uses /bin/sh in a new session, with no signal blocked and SIGPIPE at its default", async () => {
    const file = join(dir, "state");
    // The last command replaces the shell: a shell blocks signals for a moment while it starts a program.
    await run(`exec >${file}; echo "$0"; echo $$; cat /proc/$$/stat; exec grep -E '^Sig(Blk|Ign)' /proc/self/status`);
    const [shell, pid, stat, blocked, ignored] = readFileSync(file, "utf8").trim().split("\n") as [
      string,
      string,
      string,
      string,
      string,
    ];
    const [group, session] = stat.split(" ").slice(4);
    assert.equal(shell, "/bin/sh");
    assert.deepEqual({ group, session }, { group: pid, session: pid });
    assert.equal(blocked, "SigBlk:\t0000000000000000");
    const SIGPIPE = 13; // which Node itself ignores
    assert.equal((BigInt(`0x${ignored.slice(8)}`) >> BigInt(SIGPIPE - 1)) & 1n, 0n);
  });

  it("inherits standard input, output and error, and no other descriptor", async () => {
    // Signals that the caller of these tests ignores (above 15, Node passes them on) prove nothing about us.
    const strangers = new Set(readdirSync("/proc/self/fd").map(linkOf));
    // The shell reads the directory through its own descriptor, which no longer exists when it is listed.
    const list = "for fd in /proc/$$/fd/*; do [ -h $fd ] && echo $fd && readlink $fd; done; true";
    const script = `
      import * as fs from "node:fs";
      import { createServer } from "node:net";
      import { ${name} } from ${JSON.stringify(new URL("../src/runner/command.js", import.meta.url).href)};
      fs.openSync(${JSON.stringify(join(dir, "held"))}, "w");
      fs.fstatSync(5); // it is there
      const server = createServer().listen(${JSON.stringify(join(dir, "socket"))}, async () => {
        const { status } = await ${name}(${JSON.stringify(`cat; echo err >&2; ${list}`)});
        server.close();
        process.exit(status);
      });
    `;
    const given = openSync(join(dir, "given"), "w");
    const child = spawn(process.execPath, ["--input-type=module", "-e", script], {
      stdio: ["pipe", "pipe", "pipe", "ignore", "ignore", given],
    });
    let [out, err] = ["", ""];
    child.stdout!.setEncoding("utf8").on("data", (text) => (out += text));
    child.stderr!.setEncoding("utf8").on("data", (text) => (err += text));
    child.stdin!.end("from standard input\n");
    const status = await new Promise((resolve) => child.on("close", resolve));
    closeSync(given);
    const [first, ...lines] = out.trim().split("\n");
    const descriptors = lines.flatMap((line, i) => (i % 2 ? [] : [{ fd: basename(line), link: lines[i + 1]! }]));
    const inherited = descriptors.filter(({ link }) => !strangers.has(link)).map(({ fd }) => fd);
    assert.deepEqual({ status, first, err }, { status: 0, first: "from standard input", err: "err\n" });
    assert.deepEqual(inherited, ["0", "1", "2"]);
  });
}

describe("the standard error of a command", () => {
  /** Runs it in a separate process. Resolves with the result of `run` and that process's standard error. */
  async function ran(command: string, more = ""): Promise<{ status: number; stderrHead: string; stderr: string }> {
    const script = `
      import { run } from ${JSON.stringify(new URL("../src/runner/command.js", import.meta.url).href)};
      const ended = await run(${JSON.stringify(command)});
      ${more}
      process.stdout.write(JSON.stringify(ended));
    `;
    const child = spawn(process.execPath, ["--input-type=module", "-e", script], { stdio: ["ignore", "pipe", "pipe"] });
    let [stdout, stderr] = ["", ""];
    child.stdout!.setEncoding("utf8").on("data", (text) => (stdout += text));
    child.stderr!.setEncoding("utf8").on("data", (text) => (stderr += text));
    await new Promise((resolve) => child.on("close", resolve));
    return { ...JSON.parse(stdout), stderr };
  }

  it("is forwarded completely, and its first 512 bytes are kept", async () => {
    assert.deepEqual(await ran("echo no chain >&2; exit 3"), {
      status: 3,
      stderrHead: "no chain\n",
      stderr: "no chain\n",
    });
    assert.deepEqual(await ran("exit 3"), { status: 3, stderrHead: "", stderr: "" });
    const much = await ran("yes 0123456789abcde | head -c 1000000 >&2; exit 1");
    assert.equal(much.stderr.length, 1_000_000);
    assert.equal(much.stderrHead, "0123456789abcde\n".repeat(32));
  });

  it("is also forwarded for programs that it leaves running, and nothing waits for them", async () => {
    const file = join(tmpdir(), `knockd-late-${process.pid}`);
    const { stderrHead, stderr } = await ran(
      `(${untilShell(`[ -e ${file} ]`)}; echo late >&2; rm ${file}) & echo first >&2`,
      `await run(": >${file}; ${untilShell(`[ ! -e ${file} ]`)}");`,
    );
    assert.equal(stderrHead, "first\n");
    assert.equal(stderr, "first\nlate\n");
  });

  it("does not break programs that it leaves running when the daemon ends", async () => {
    const file = join(tmpdir(), `knockd-left-${process.pid}`);
    // More than a pipe holds: if the reader were gone, SIGPIPE would end it; without a reader, it would block.
    const server = `(${untilShell(`[ -e ${file}.go ]`)}; head -c 200000 /dev/zero >&2; echo $? >${file}) >/dev/null &`;
    await ran(server);
    await run(`: >${file}.go; ${untilShell(`[ -s ${file} ]`)}`);
    assert.equal(readFileSync(file, "utf8"), "1\n", "it was told that there is no room, and lives");
    for (const one of [file, `${file}.go`]) rmSync(one);
  });

  it("blocks the command, but not the daemon, if the daemon's own standard error is not read", async () => {
    const script = `
      import { run } from ${JSON.stringify(new URL("../src/runner/command.js", import.meta.url).href)};
      const ended = run("head -c 1000000 /dev/zero >&2").then(() => "ended");
      const awake = new Promise((resolve) => setTimeout(resolve, 500, "awake"));
      process.stdout.write(await Promise.race([ended, awake]));
      await ended;
    `;
    const child = spawn(process.execPath, ["--input-type=module", "-e", script], { stdio: ["ignore", "pipe", "pipe"] });
    const first = await new Promise((resolve) => child.stdout!.once("data", (text) => resolve(`${text}`)));
    assert.equal(first, "awake");
    let bytes = 0;
    child.stderr!.on("data", (chunk: Buffer) => (bytes += chunk.length));
    await new Promise((resolve) => child.on("close", resolve));
    assert.equal(bytes, 1_000_000);
  });
});

describe("a command whose end cannot be seen by a descriptor", () => {
  const library = compiled("test/native/unseen-children.cc", "build/unseen-children.so", "-shared", "-fPIC", "-ldl");

  /** What the script says of its commands, in a process where that fails. */
  function said(script: string, unseen: string): string {
    const from = JSON.stringify(new URL("../src/runner/command.js", import.meta.url).href);
    const argv = ["--input-type=module", "-e", `import { run } from ${from};\n${script}`];
    const env = { ...process.env, LD_PRELOAD: library, UNSEEN: unseen };
    const { stdout, stderr } = spawnSync(process.execPath, argv, { encoding: "utf8", env, timeout: 20_000 });
    return stdout + stderr;
  }

  for (const unseen of ["nothing", "pidfd_open", "epoll_ctl"]) {
    it(`is waited for all the same: ${unseen} fails`, () => {
      const script = `
        const [one, other] = await Promise.all([run("sleep 0.1; echo no >&2; exit 3"), run("/bin/true")]);
        console.log(JSON.stringify([one, other.status]));`;
      assert.equal(said(script, unseen), '[{"status":3,"stderrHead":"no\\n"},0]\nno\n');
    });

    it(`is killed with its group: ${unseen} fails`, () => {
      const script = `
        const { status } = await run("sleep 1000 & wait", "", (end) => setTimeout(end, 100));
        console.log(status);`;
      assert.equal(said(script, unseen), "143\n");
    });
  }

  for (const unseen of ["pipe2", "epoll_ctl_pipe"]) {
    it(`writes to our standard error directly: ${unseen} fails`, () => {
      const script = `
        const ends = await Promise.all([run("echo no >&2; exit 3"), run("echo no >&2")]);
        console.log(JSON.stringify(ends));`;
      const end = (status: number) => `{"status":${status},"stderrHead":""}`;
      assert.equal(said(script, unseen), `[${end(3)},${end(0)}]\nno\nno\n`);
    });
  }

  it("is rejected, with nothing left behind, if no process can be created", () => {
    const script = `
      import { readdirSync } from "node:fs";
      const open = () => readdirSync("/proc/self/fd").length;
      const before = open();
      for (let i = 0; i < 50; i++) await run("true").catch((error) => (globalThis.why = error.message));
      await new Promise((resolve) => setTimeout(resolve, 50));
      console.log(globalThis.why, open() - before);`;
    assert.equal(said(script, "posix_spawn"), "Resource temporarily unavailable 0\n");
  });
});

it("a marker exists only if its command was started", async () => {
  const dir = mkdtempSync(join(tmpdir(), "knockd-marker-"));
  const marker = join(dir, "marker");
  await assert.rejects(run(`: ${"x".repeat(200_000)}`, marker), /Argument list too long/);
  assert.deepEqual(readdirSync(dir), []);
  await run(":", marker);
  assert.deepEqual(readdirSync(dir), ["marker"]);
  rmSync(dir, { recursive: true });
});

function linkOf(fd: string): string {
  try {
    return readlinkSync(`/proc/self/fd/${fd}`);
  } catch {
    return ""; // the listing's own descriptor
  }
}
