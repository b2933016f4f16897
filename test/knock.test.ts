// Tests the client: what it prints (a table), and what it sends, packet by packet, compared with Debian's knock 0.8.
//
// The packets are captured at the far end of a veth pair between two namespaces of the test.

import assert from "node:assert/strict";
import { type ChildProcess, execFile, execFileSync, spawn } from "node:child_process";
import { createSocket, type Socket } from "node:dgram";
import { once } from "node:events";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { after, before, describe, test } from "node:test";
import { fileURLToPath } from "node:url";
import { bound, scaled, until } from "./time-limit.ts";

const OURS = [process.execPath, fileURLToPath(new URL("../src/knock.js", import.meta.url))];
const { version } = JSON.parse(readFileSync(new URL("../../package.json", import.meta.url), "utf8"));
const JUDGE = [fileURLToPath(new URL("../../build/judge/usr/bin/knock", import.meta.url))];

interface Outcome {
  code: number;
  stdout: string;
  stderr: string;
}

/** Runs a command to its end. One that hangs is killed, and its code is -1. */
function run(command: readonly string[], ...args: string[]): Promise<Outcome> {
  const [file = "", ...rest] = [...command, ...args];
  return new Promise((resolve) => {
    execFile(file, rest, { timeout: scaled(20_000) }, (error, stdout, stderr) => {
      const code = error === null ? 0 : typeof error.code === "number" ? error.code : -1;
      resolve({ code, stdout, stderr });
    });
  });
}

/** The usage text, as Debian's knock prints it. */
const usage = async () => (await run(JUDGE, "-h")).stdout;

describe("what knock prints", { concurrency: 4 }, () => {
  const badPort = (text: string) => `error: bad port in '${text}': wanted a number from 1 to 65535\n`;
  const badProtocol = (text: string) => `error: bad protocol in '${text}': wanted tcp or udp\n`;
  const badDelay = (text: string) => `error: bad delay '${text}': wanted milliseconds, from 0 to 2147483647\n`;
  const unresolved = (host: string, why: string) => `Failed to resolve hostname '${host}': ${why}\n`;

  const table: [args: string, code: number, stdout: string, stderr: string][] = [
    // Valid arguments. (What they send is tested below.)
    ["127.0.0.1 5", 0, "", ""],
    ["-v 127.0.0.1 5 6:udp", 0, "hitting tcp 127.0.0.1:5\nhitting udp 127.0.0.1:6\n", ""],
    ["127.0.0.1 5 6:udp -v", 0, "hitting tcp 127.0.0.1:5\nhitting udp 127.0.0.1:6\n", ""],
    ["-v 127.0.0.1 5:TCP 5: 5:UDP 5:Udp", 0, "tcp tcp udp udp".replace(/(...) ?/g, "hitting $1 127.0.0.1:5\n"), ""],
    ["-uv 127.0.0.1 5:tcp 5 5:udp", 0, "hitting udp 127.0.0.1:5\n".repeat(3), ""],
    ["--verbose --udp --delay=1 --ipv4 127.0.0.1 5", 0, "hitting udp 127.0.0.1:5\n", ""],
    ["-vd1 -- 127.0.0.1 65535", 0, "hitting tcp 127.0.0.1:65535\n", ""],
    ["-v 127.1 5", 0, "hitting tcp 127.0.0.1:5\n", ""],
    ["-v -6 -4 127.0.0.1 5", 0, "hitting tcp 127.0.0.1:5\n", ""],
    ["-v -4 -6 127.0.0.1 5", 1, "", unresolved("127.0.0.1", "it is not an IPv6 address")],
    ["-V", 0, `knock ${version} (knockd-ng)\n`, ""],
    ["--version 127.0.0.1 x", 0, `knock ${version} (knockd-ng)\n`, ""],
    // Invalid arguments. If `-v` prints nothing, then nothing was sent, not even to a valid port before.
    ["-v 127.0.0.1 5 x", 1, "", badPort("x")],
    ["-v 127.0.0.1 5 ssh", 1, "", badPort("ssh")],
    ["-v 127.0.0.1 5 0", 1, "", badPort("0")],
    ["-v 127.0.0.1 5 65536", 1, "", badPort("65536")],
    ["-v 127.0.0.1 5 5x", 1, "", badPort("5x")],
    ["-v 127.0.0.1 5 +5", 1, "", badPort("+5")],
    ["-v 127.0.0.1 5 1e3", 1, "", badPort("1e3")],
    ["-v 127.0.0.1 5 0x10", 1, "", badPort("0x10")],
    ["-v 127.0.0.1 5 ''", 1, "", badPort("")],
    ["-v 127.0.0.1 5 :udp", 1, "", badPort(":udp")],
    ["-v 127.0.0.1 5 7,8", 1, "", badPort("7,8")],
    ["-v 127.0.0.1 5 3:foo", 1, "", badProtocol("3:foo")],
    ["-v 127.0.0.1 5 5:6", 1, "", badProtocol("5:6")],
    ["-v 127.0.0.1 5 5:tcp:udp", 1, "", badProtocol("5:tcp:udp")],
    ["-vu 127.0.0.1 5 3:foo", 1, "", badProtocol("3:foo")],
    ["-v -d x 127.0.0.1 5", 1, "", badDelay("x")],
    ["-v -d -5 127.0.0.1 5", 1, "", badDelay("-5")],
    ["-v -d 1.5 127.0.0.1 5", 1, "", badDelay("1.5")],
    ["-v -d '' 127.0.0.1 5", 1, "", badDelay("")],
    ["-v -d 2147483648 127.0.0.1 5", 1, "", badDelay("2147483648")],
    ["-v '' 5", 1, "", unresolved("", "it is empty")],
    ["-v -6 127.0.0.1 5", 1, "", unresolved("127.0.0.1", "it is not an IPv6 address")],
    ["-v -4 ::1 5", 1, "", unresolved("::1", "it is not an IPv4 address")],
    ["-v fe80::1%nope 5", 1, "", unresolved("fe80::1%nope", "no usable interface 'nope'")],
    ["-v a..b 5", 1, "", unresolved("a..b", "unknown node or service (ENOTFOUND)")],
    // A broadcast needs a permission that we do not request: nothing is sent.
    [
      "255.255.255.255 5:udp 6:udp",
      1,
      "",
      "error: could not send udp 255.255.255.255:5: permission denied (EACCES); 0 of 2 knocks sent\n",
    ],
  ];
  for (const [line, code, stdout, stderr] of table) {
    test(`knock ${line}`, async () => {
      const args = line.split(" ").map((word) => (word === "''" ? "" : word));
      assert.deepEqual(await run(OURS, ...args), { code, stdout, stderr });
    });
  }

  test("-h prints 0.8's usage exactly, --help also our additions", async () => {
    const stdout = await usage();
    assert.match(stdout, /^usage: knock /);
    assert.deepEqual(await run(OURS, "-h"), { code: 0, stdout, stderr: "" });
    const long = await run(OURS, "--help", "127.0.0.1", "x");
    assert.equal(long.code, 0);
    assert.ok(long.stdout.startsWith(`${stdout}knockd-ng adds:\n`), long.stdout);
  });

  const misuses: [args: string[], stderrHead: string][] = [
    [[], "missing required argument 'host'"],
    [["127.0.0.1"], "missing required argument 'port[:proto]'"],
    [["-v", "-u", "127.0.0.1"], "missing required argument 'port[:proto]'"],
    [["--bogus", "127.0.0.1", "5"], "unknown option '--bogus'"],
    [["127.0.0.1", "5", "-d"], "option '-d, --delay <t>' argument missing"],
  ];
  for (const [args, stderrHead] of misuses) {
    test(`knock ${args.join(" ")}: ${stderrHead}, and the usage`, async () => {
      const stderr = `error: ${stderrHead}\n\n${await usage()}`;
      assert.deepEqual(await run(OURS, ...args), { code: 1, stdout: "", stderr });
    });
  }

  test("localhost is the same address as for 0.8", async () => {
    assert.deepEqual(await run(OURS, "-v", "localhost", "5"), await run(JUDGE, "-v", "localhost", "5"));
  });

  test("a reader of -v that goes away does not stop the knock", async () => {
    const [file = "", ...rest] = [...OURS, "-v", "-d", "50", "127.0.0.1", "5", "6", "7"];
    const child = spawn(file, rest, { stdio: ["ignore", "pipe", "pipe"], timeout: scaled(20_000) });
    let stderr = "";
    child.stderr.on("data", (text) => (stderr += text));
    child.stdout.once("data", () => child.stdout.destroy());
    const [code] = await once(child, "close");
    assert.deepEqual({ code, stderr }, { code: 0, stderr: "" });
  });
});

describe("what knock adds to 0.8", { concurrency: 4 }, () => {
  const config = mkdtempSync(join(tmpdir(), "knock-config-"));
  after(() => rmSync(config, { recursive: true }));
  const stored = (name: string, text: string) => {
    mkdirSync(join(config, "knock"), { recursive: true });
    writeFileSync(join(config, "knock", `${name}.knock`), text, { mode: 0o600 });
  };
  const withConfig = ["env", `XDG_CONFIG_HOME=${config}`, ...OURS];

  /** A UDP port on loopback, and the knocks that arrived there. */
  async function listener(): Promise<{ port: number; socket: Socket; from: string[] }> {
    const socket = createSocket("udp4").bind(0, "127.0.0.1");
    await once(socket, "listening");
    const from: string[] = [];
    socket.on("message", (_, { address }) => from.push(address));
    return { port: socket.address().port, socket, from };
  }

  test("a name stands for its file, and the command line overrides the file", async () => {
    stored("home", "-v -d 1 127.0.0.1 5 # the secret\n6:udp\n");
    const hits = "hitting tcp 127.0.0.1:5\nhitting udp 127.0.0.1:6\n";
    assert.deepEqual(await run(withConfig, "home"), { code: 0, stdout: hits, stderr: "" });
    const udp = await run(withConfig, "-u", "home");
    assert.equal(udp.stdout, hits.replace("tcp", "udp"));
    assert.equal((await run(withConfig, "-f", join(config, "knock", "home.knock"))).stdout, hits);
  });

  test("a name without a file is named, and a host without ports gets the usage", async () => {
    const stderr = "error: no ports are given, and there is no ~/.config/knock/away.knock\n";
    assert.deepEqual(await run(withConfig, "away"), { code: 1, stdout: "", stderr });
    const missing = `error: missing required argument 'port[:proto]'\n\n${await usage()}`;
    assert.equal((await run(withConfig, "away.example")).stderr, missing);
  });

  test("--verify and --retry knock again until the port is open", async () => {
    const { port, socket, from } = await listener();
    const server = createServer();
    socket.on("message", () => from.length === 2 && server.listen(port, "127.0.0.1"));
    const again = await run(OURS, "-v", "--verify", `${port}`, "--retry", "3", "127.0.0.1", `${port}:udp`);
    server.close();
    socket.close();
    const hit = `hitting udp 127.0.0.1:${port}\n`;
    assert.deepEqual(again, { code: 0, stdout: `${hit}${hit}127.0.0.1:${port} is open\n`, stderr: "" });
  });

  test("--verify of a port that stays closed ends with status 2, and suggests a delay", async () => {
    const { port, socket } = await listener();
    const closed = (...args: string[]) =>
      run(OURS, "--verify", `${port}`, ...args, "127.0.0.1", `${port}:udp`, `${port}:udp`);
    const stderr = `error: TCP port ${port} of 127.0.0.1 is not open\n`;
    const hint = "Knocks may arrive in another order than they were sent. Try: knock -d 200 …\n";
    const [plain, delayed] = await Promise.all([closed(), closed("-d", "1")]);
    socket.close();
    assert.deepEqual(plain, { code: 2, stdout: "", stderr: stderr + hint });
    assert.deepEqual(delayed, { code: 2, stdout: "", stderr });
  });

  test("--source and --interface choose where the knock comes from", async () => {
    const { port, socket, from } = await listener();
    assert.equal((await run(OURS, "--source", "127.0.0.2", "127.0.0.1", `${port}:udp`)).code, 0);
    assert.equal((await run(OURS, "-i", "lo", "127.0.0.1", `${port}:udp`)).code, 0);
    await until(() => from.length === 2, 5000, 10);
    socket.close();
    assert.deepEqual(from, ["127.0.0.2", "127.0.0.1"]);
  });

  for (const [args, stderr] of [
    ["--retry 1 127.0.0.1 5", "error: --retry needs --verify <port>\n"],
    ["--verify x 127.0.0.1 5", "error: bad --verify 'x': wanted a TCP port from 1 to 65535\n"],
    ["--verify 5 --retry 101 127.0.0.1 5", "error: bad --retry '101': wanted a number from 0 to 100\n"],
    ["--source lo 127.0.0.1 5", "error: bad --source 'lo': wanted an IP address of this machine\n"],
    [
      "--source 10.255.255.1 -v 127.0.0.1 5:udp",
      "error: could not send udp 127.0.0.1:5: address not available (EADDRNOTAVAIL); 0 of 1 knock sent\n",
    ],
  ] as const)
    test(`knock ${args}`, async () => {
      const { code, stderr: said } = await run(OURS, ...args.split(" "));
      assert.deepEqual({ code, said }, { code: 1, said: stderr });
    });

  const LAPTOP =
    "knockd-ng://127.0.0.1/ssh?client=laptop&kind=key&ports=9216,3072,14336,17408,11264&secret=000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f\n";
  const PHONE = "knockd-ng://localhost/ssh?client=phone&ports=73,71,72&proto=udp\n";

  test("--door and --secret knock with the code of a client's file, and --dry-run sends nothing", async () => {
    stored("laptop", LAPTOP);
    const shown = await run(withConfig, "--dry-run", "--door", "laptop");
    assert.match(shown.stdout, /^(tcp 127\.0\.0\.1:\d+\n){5}$/);
    assert.match((await run(withConfig, "-v", "laptop")).stdout, /^(hitting tcp 127\.0\.0\.1:\d+\n){5}$/);
    const elsewhere = await run(OURS, "--dry-run", "--secret", join(config, "knock", "laptop.knock"), "127.0.0.2");
    assert.match(elsewhere.stdout, /^(tcp 127\.0\.0\.2:\d+\n){5}$/);
  });

  test("--code takes the digits that an authenticator shows, also from standard input", async () => {
    stored("phone", PHONE);
    const hits = "udp 127.0.0.1:7356\nudp 127.0.0.1:7110\nudp 127.0.0.1:7209\n";
    assert.equal((await run(withConfig, "-4", "--dry-run", "--code", "561 009", "phone")).stdout, hits);
    const typed = ["sh", "-c", 'echo 561009 | "$@"', "sh", ...withConfig];
    assert.equal((await run(typed, "-4", "--dry-run", "--code", "-", "phone")).stdout, hits);
  });

  test("--ssh prints lines for ssh's configuration, and sends nothing", async () => {
    stored("pi", "pi.example 7000 8000\n");
    const { code, stdout } = await run(withConfig, "--ssh", "pi");
    assert.equal(code, 0);
    assert.match(stdout, /^# .*\nMatch host pi\.example exec "knock pi --verify 22"\n$/);
  });
});

// Prints one line per knock that arrives: address, protocol, port, and the TCP flags or the UDP length and payload.
// It also listens at TCP port 22, so that there is an open port to knock at.
const SNIFFER = `
import socket, struct
open4 = socket.create_server(('10.77.0.1', 22))
raw = socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, socket.htons(3))
raw.bind(('v0', 0))
print('ready', flush=True)
while True:
    data, (_, ethertype, kind, *_) = raw.recvfrom(2048)
    if kind == socket.PACKET_OUTGOING: continue
    if ethertype == 0x0800:
        to, proto, rest = socket.inet_ntop(socket.AF_INET, data[16:20]), data[9], data[(data[0] & 15) * 4:]
    elif ethertype == 0x86dd:
        to, proto, rest = socket.inet_ntop(socket.AF_INET6, data[24:40]), data[6], data[40:]
    else: continue
    if proto not in (6, 17): continue
    port, length = struct.unpack('!HH', rest[2:6])
    if proto == 6: print(to, 'tcp', port, 'flags', rest[13], flush=True)
    else: print(to, 'udp', port, 'length', length, 'payload', rest[8:length].hex(), flush=True)
`;

const root = process.getuid?.() === 0;
describe("what knock sends", { skip: !root && !process.env.CI && "needs root: sudo npm test" }, () => {
  const client = `knock-${process.pid}-client`;
  const server = `knock-${process.pid}-server`;
  const ip = (line: string) => execFileSync("ip", line.split(" "), { stdio: ["ignore", "ignore", "pipe"] });
  const directory = mkdtempSync(join(tmpdir(), "knock-"));
  let sniffer: ChildProcess | undefined;
  let seen: string[] = [];
  let seenAt: number[] = [];

  before(async () => {
    ip(`netns add ${client}`);
    ip(`netns add ${server}`);
    ip(`-n ${client} link add v0 type veth peer name v0 netns ${server}`);
    ip(`-n ${server} link set v0 address 02:00:00:00:77:01`);
    for (const [name, host] of [
      [client, 2],
      [server, 1],
    ]) {
      // A made-up link-local address exists at once. The kernel's own would first have to pass duplicate address
      // detection.
      ip(`-n ${name} link set v0 addrgenmode none`);
      ip(`-n ${name} addr add 10.77.0.${host}/16 dev v0`);
      ip(`-n ${name} addr add fd77::${host}/64 dev v0 nodad`);
      ip(`-n ${name} addr add fe80::${host}/64 dev v0 nodad`);
      ip(`-n ${name} link set v0 up`);
      ip(`-n ${name} link set lo up`);
    }
    // A host that never answers, as behind a DROP firewall: the packets reach the server's link, but no host has their
    // address.
    ip(`-n ${client} neigh add 10.77.0.9 lladdr 02:00:00:00:77:01 dev v0 nud permanent`);
    ip(`-n ${client} neigh add fd77::9 lladdr 02:00:00:00:77:01 dev v0 nud permanent`);
    ip(`-n ${client} route add prohibit 10.78.0.0/16`);
    ip(`-n ${client} route add 224.77.0.0/16 dev v0`);

    sniffer = spawn("ip", ["netns", "exec", server, "python3", "-c", SNIFFER], {
      stdio: ["ignore", "pipe", "inherit"],
    });
    const lines = createInterface({ input: sniffer.stdout! });
    lines.on("line", (line) => {
      seen.push(line);
      seenAt.push(performance.now());
    });
    await Promise.race([once(lines, "line"), once(sniffer, "exit")]);
    assert.deepEqual(seen, ["ready"]);
  });

  after(() => {
    sniffer?.kill("SIGKILL");
    rmSync(directory, { recursive: true });
    for (const name of [client, server]) {
      try {
        ip(`netns del ${name}`);
      } catch {} // before() failed earlier
    }
  });

  const inside = (command: readonly string[]) => ["ip", "netns", "exec", client, ...command];

  /** What arrived of a command's packets. The mark is a last packet on the same path: all others arrived before it. */
  async function packetsOf(command: readonly string[], args: string[], markAt = "10.77.0.1") {
    seen = [];
    seenAt = [];
    const start = performance.now();
    const outcome = await run(inside(command), ...args);
    const took = performance.now() - start;
    assert.equal((await run(inside(JUDGE), "-u", markAt, "65535")).code, 0);
    const mark = () => seen.findIndex((line) => line.includes(" udp 65535 "));
    await until(() => mark() >= 0, 5000, 10);
    assert.notEqual(mark(), -1, "the mark never arrived");
    return { ...outcome, took, packets: seen.slice(0, mark()), times: seenAt.slice(0, mark()) };
  }

  const syn = (host: string, port: number) => `${host} tcp ${port} flags 2`;
  const nul = (host: string, port: number) => `${host} udp ${port} length 9 payload 00`;

  /** Ours and Debian's side by side: the same packets, the same output, the same status. */
  async function sameAsJudge(args: string[], expected: string[], markAt = "10.77.0.1") {
    const theirs = await packetsOf(JUDGE, args, markAt);
    const ours = await packetsOf(OURS, args, markAt);
    assert.deepEqual(theirs.packets, expected);
    assert.deepEqual(ours.packets, expected);
    const { code, stdout, stderr } = theirs;
    assert.deepEqual({ code: ours.code, stdout: ours.stdout, stderr: ours.stderr }, { code, stdout, stderr });
    return ours;
  }

  test("closed ports, TCP and UDP mixed", () => {
    const expected = [syn, nul, nul, syn, syn].map((make) => make("10.77.0.1", 7000));
    return sameAsJudge(["-v", "10.77.0.1", "7000", "7000:udp", "7000:udp", "7000:tcp", "7000:"], expected);
  });

  test("UDP is udp; 0.8 treats it, and anything else not in lower case, as tcp", async () => {
    const args = ["10.77.0.1", "7000:UDP", "7000:Udp", "7000:TCP"];
    const { packets: theirs } = await packetsOf(JUDGE, args);
    assert.deepEqual(
      theirs,
      [syn, syn, syn].map((make) => make("10.77.0.1", 7000)),
    );
    const { packets: ours } = await packetsOf(OURS, args);
    assert.deepEqual(
      ours,
      [nul, nul, syn].map((make) => make("10.77.0.1", 7000)),
    );
  });

  test("-u makes every port UDP, whatever its suffix", () =>
    sameAsJudge(
      ["-v", "10.77.0.1", "7000:tcp", "8000", "9000:udp", "-u"],
      [7000, 8000, 9000].map((port) => nul("10.77.0.1", port)),
    ));

  test("-u does not make an invalid protocol valid, and nothing is sent", async () => {
    const { packets, code } = await packetsOf(OURS, ["-u", "10.77.0.1", "7000", "8000:foo"]);
    assert.deepEqual({ packets, code }, { packets: [], code: 1 });
  });

  test("IPv6", () =>
    sameAsJudge(
      ["-v", "fd77:0::1", "7000", "8000:udp", "65535"],
      [syn("fd77::1", 7000), nul("fd77::1", 8000), syn("fd77::1", 65535)],
      "fd77::1",
    ));

  test("IPv6 with a scope, given as the interface's name or number", async () => {
    const index = JSON.parse(execFileSync("ip", ["-n", client, "-j", "link", "show", "v0"], { encoding: "utf8" }))[0]
      .ifindex;
    for (const zone of ["v0", String(index)]) {
      const { stdout } = await sameAsJudge(
        ["-v", `FE80::1%${zone}`, "7000", "8000:udp"],
        [syn("fe80::1", 7000), nul("fe80::1", 8000)],
        "fe80::1%v0",
      );
      assert.equal(stdout, "hitting tcp fe80::1%v0:7000\nhitting udp fe80::1%v0:8000\n");
    }
  });

  for (const [host, why] of [
    ["10.77.0.1", "closed ports"],
    ["10.77.0.9", "a firewall that drops"],
  ] as const) {
    test(`fifty knocks at once, in order: ${why}`, () => {
      const ports = Array.from({ length: 50 }, (_, i) => 9000 - 7 * i);
      return sameAsJudge(
        [host, ...ports.map((port) => `${port}${port % 3 ? "" : ":udp"}`)],
        ports.map((port) => (port % 3 ? syn : nul)(host, port)),
        host,
      );
    });
  }

  test("the first packet waits for address resolution, and none is lost", async () => {
    for (const command of [JUDGE, OURS]) {
      ip(`-n ${client} neigh flush dev v0`);
      const { packets } = await packetsOf(command, ["10.77.0.1", "7000", "8000:udp", "9000", "7001"]);
      const expected = [syn("10.77.0.1", 7000), nul("10.77.0.1", 8000), syn("10.77.0.1", 9000), syn("10.77.0.1", 7001)];
      assert.deepEqual(packets, expected);
    }
  });

  for (const host of ["10.77.0.9", "fd77::9"]) {
    test(`a firewall that drops: no waiting, and no SYN is retransmitted (${host})`, async () => {
      const { took } = await sameAsJudge([host, "7000", "8000"], [syn(host, 7000), syn(host, 8000)], host);
      assert.ok(took < bound(3000), `it took ${took} ms`);
      // While its socket is open, the kernel retransmits a SYN after one second.
      await sameAsJudge(["-d", "1300", host, "7000"], [syn(host, 7000)], host);
    });
  }

  test("an open port gets a single SYN", async () => {
    for (const command of [JUDGE, OURS]) {
      const { packets, code } = await packetsOf(command, ["10.77.0.1", "22", "22", "7000"]);
      // The rest depends on the kernels, and on whether the SYN-ACK is faster than our close().
      const syns = packets.filter((line) => line.endsWith(" flags 2"));
      assert.deepEqual({ code, syns }, { code: 0, syns: [22, 22, 7000].map((port) => syn("10.77.0.1", port)) });
    }
  });

  test("a name: the same address as with 0.8, of the requested IP version", async () => {
    const hosts = join(directory, "hosts");
    writeFileSync(hosts, "10.77.0.1 both only4\nfd77::1 both only6\n");
    // `ip netns exec` gives each command its own mount namespace, so the machine's /etc/hosts stays unchanged.
    const named = (command: string[]) => ["sh", "-c", 'mount --bind "$0" /etc/hosts && exec "$@"', hosts, ...command];
    for (const args of ["both", "-4 both", "-6 both", "-6 -4 both", "-4 -6 both", "only4", "only6"]) {
      const words = ["-v", ...args.split(" "), "7000", "8000:udp"];
      const theirs = await run(inside(named(JUDGE)), ...words);
      assert.match(theirs.stdout, /^hitting tcp .*:7000\nhitting udp .*:8000\n$/);
      assert.deepEqual(await run(inside(named(OURS)), ...words), theirs);
    }
    for (const args of ["-4 only6", "-6 only4", "nobody.invalid"]) {
      // Other ports, because packets of the commands before may still arrive.
      const { packets, code, stdout, stderr } = await packetsOf(named(OURS), [...args.split(" "), "7100", "8100:udp"]);
      const own = packets.filter((packet) => / (7100|8100) /.test(packet));
      assert.deepEqual({ own, code, stdout }, { own: [], code: 1, stdout: "" });
      assert.match(stderr, /^Failed to resolve hostname '[a-z0-9.]+': .+\n$/);
    }
  });

  test("-d also waits after the last knock", async () => {
    const { took, times } = await sameAsJudge(
      ["-d", "300", "10.77.0.1", "7000", "8000:udp", "9000"],
      [syn("10.77.0.1", 7000), nul("10.77.0.1", 8000), syn("10.77.0.1", 9000)],
    );
    assert.ok(took >= 900 && took < bound(3000), `it took ${took} ms`);
    // The time at which a packet was seen is only an upper bound: a busy machine shows the first one late.
    assert.equal(times.length, 3);
    assert.ok(times[2]! - times[0]! > 250, `the first and the last are ${times[2]! - times[0]!} ms apart`);
  });

  for (const [port, protocol] of [
    ["7000", "tcp"],
    ["7000:udp", "udp"],
  ] as const) {
    test(`a packet that cannot be sent is reported, and ends the program (${protocol})`, async () => {
      const told = async (host: string, why: string) => {
        const { packets, code, stdout, stderr } = await packetsOf(OURS, [host, port, "8000"]);
        const expected = `error: could not send ${protocol} ${host}:7000: ${why}; 0 of 2 knocks sent\n`;
        assert.deepEqual({ packets, code, stdout, stderr }, { packets: [], code: 1, stdout: "", stderr: expected });
      };
      await told("10.99.0.1", "network is unreachable (ENETUNREACH)");
      await told("10.78.0.1", "permission denied (EACCES)");
      await told("fd99::1", "network is unreachable (ENETUNREACH)");
    });
  }

  test("a packet in the middle that cannot be sent ends the program, which reports how far it got", async () => {
    // A multicast group receives datagrams, but no TCP.
    const { packets, code, stdout, stderr } = await packetsOf(OURS, [
      "-v",
      "224.77.0.1",
      "7000:udp",
      "8000",
      "9000:udp",
    ]);
    assert.deepEqual(packets, [nul("224.77.0.1", 7000)]);
    assert.deepEqual(
      { code, stdout, stderr },
      {
        code: 1,
        stdout: "hitting udp 224.77.0.1:7000\nhitting tcp 224.77.0.1:8000\n",
        stderr: "error: could not send tcp 224.77.0.1:8000: network is unreachable (ENETUNREACH); 1 of 3 knocks sent\n",
      },
    );
  });
});
