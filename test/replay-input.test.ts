// `knockctl replay -` takes from a pipe, a socket or a file what it takes by name: packed with gzip or not.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { mkdtempSync, openSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { gzipSync } from "node:zlib";
import { frame } from "./frame.ts";
import { repo } from "./live/wire.ts";
import { pcapFile } from "./pcap-file.ts";

const PORTS = [7000, 8000, 9000];

describe("knockctl replay -", () => {
  const dir = mkdtempSync(join(tmpdir(), "replay-input-"));
  after(() => rmSync(dir, { recursive: true }));
  const [plain, packed] = [join(dir, "k.pcap"), join(dir, "k.pcap.gz")];
  let said = "";

  before(async () => {
    const frames = PORTS.map((port) => frame({ from: "10.77.0.2", to: "10.77.0.1", protocol: "tcp", port, seq: port }));
    writeFileSync(plain, pcapFile(1, frames));
    writeFileSync(packed, gzipSync(pcapFile(1, frames)));
    writeFileSync(join(dir, "k.conf"), `[a]\nsequence = ${PORTS}\ncommand = true\n`, { mode: 0o600 });
    said = (await replay("exec $REPLAY", plain)).stdout;
    assert.match(said, /a: OPEN SESAME/);
  });

  /** Runs the line for the shell, in which $REPLAY replays what standard input has, or `file`. */
  function replay(line: string, file = "-", input: number | "pipe" = "pipe") {
    const knockctl = join(repo, "dist/src/knockctl.js");
    const env = { ...process.env, REPLAY: `${process.execPath} ${knockctl} replay -c ${join(dir, "k.conf")} ${file}` };
    const child = spawn("sh", ["-c", line], { env, stdio: [input, "pipe", "pipe"] });
    const read = { status: null as number | null, stdout: "", stderr: "", child };
    child.stdout!.setEncoding("utf8").on("data", (text) => (read.stdout += text));
    child.stderr!.setEncoding("utf8").on("data", (text) => (read.stderr += text));
    return new Promise<typeof read>((resolve) => child.once("close", (status) => resolve({ ...read, status })));
  }

  for (const [what, file] of [
    ["a capture", () => plain],
    ["a packed capture", () => packed],
  ] as const) {
    it(`reads ${what} from a pipe, whatever pieces it comes in`, async () => {
      for (const line of [
        `cat ${file()} | $REPLAY`,
        `{ head -c 1 ${file()}; sleep 0.1; tail -c +2 ${file()}; } | $REPLAY`,
        `{ sleep 0.1; head -c 3 ${file()}; sleep 0.1; tail -c +4 ${file()}; } | $REPLAY`,
      ])
        assert.equal((await replay(line)).stdout, said, line);
    });

    it(`reads ${what} from a file`, async () => {
      assert.equal((await replay("exec $REPLAY", "-", openSync(file(), "r"))).stdout, said);
    });
  }

  it("reads a packed capture from a socket", async () => {
    assert.equal((await replay(`python3 -c '${FROM_SOCKET}' ${packed} $REPLAY`)).stdout, said);
  });

  it("ends with what ends before its first two bytes", async () => {
    for (const line of ["$REPLAY </dev/null", "printf '\\037' | $REPLAY", ": | $REPLAY"]) {
      const { status, stderr } = await replay(line);
      assert.equal(status, 3, line);
      assert.match(stderr, /^knockctl: -: /);
    }
  });

  it("says where a packed capture was cut off, and shows what came before", async () => {
    const { status, stdout, stderr } = await replay(`head -c -8 ${packed} | $REPLAY`);
    assert.deepEqual([status, stdout], [3, said]);
    assert.match(stderr, /unexpected end of file\n$/);
  });
});

// Starts a program (from the second argument on) whose standard input is a socket, and sends it a file.
const FROM_SOCKET = `
import socket, subprocess, sys
ours, theirs = socket.socketpair()
child = subprocess.Popen(sys.argv[2:], stdin=theirs)
theirs.close()
ours.sendall(open(sys.argv[1], "rb").read())
ours.close()
sys.exit(child.wait())`;
