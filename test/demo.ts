// `npm run demo` shows the main job in two network namespaces of its own, where nobody can be locked out: the firewall
// of the how-to in one, clients in the other. Every step is checked; the first that fails ends it with status 1. It
// leaves nothing behind.
import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import * as fs from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { removeStateOf } from "./live/wire.ts";
import { until as isInTime, scaled } from "./time-limit.ts";

const repo = fileURLToPath(new URL("../..", import.meta.url));
const [server, client] = [`knockdemo-s-${process.pid}`, `knockdemo-c-${process.pid}`];
const [SERVER, FIRST, SECOND] = ["10.77.0.1", "10.77.0.63", "10.77.0.99"];
const PORTS = [4438, 1813, 8235];
const GUARDED = 8022;
const BUILT_IN_PORTS = [5417, 2940, 9131];
const BUILT_IN = `
[built-in]
	sequence    = ${BUILT_IN_PORTS}
	tcpflags    = syn
	open        = tcp/${GUARDED}
	for         = 6s
`;
const colour = process.stdout.isTTY
  ? (code: number, text: string) => `\x1b[${code}m${text}\x1b[0m`
  : (_: number, text: string) => text;

/** What curl says of the result. */
const REFUSED = /refused|Could ?n.t connect|Failed to connect/i;

class Failed extends Error {}

const children: ChildProcess[] = [];
let dir = "";
let knockd: ChildProcess | undefined;

const title = (text: string) => console.log(`\n${colour(1, text)}`);
const show = (text: string) => console.log(text.trimEnd().replace(/^/gm, "    "));
const seen = (text: string) => console.log(`  ${colour(32, "✓")} ${text}`);

/** Runs a command, in a namespace if one is given, and returns its output. */
function sh(command: string, namespace?: string): { status: number; out: string } {
  const inside = namespace ? ["ip", "netns", "exec", namespace] : [];
  const [program = "sh", ...args] = [...inside, "sh", "-c", command];
  const { status, stdout, stderr } = spawnSync(program, args, { encoding: "utf8", timeout: scaled(20_000) });
  return { status: status ?? 1, out: stdout + stderr };
}

function must(command: string, namespace?: string): string {
  const { status, out } = sh(command, namespace);
  if (status !== 0) throw new Failed(`"${command}" failed: ${out}`);
  return out;
}

function start(namespace: string, argv: string[], out: number): ChildProcess {
  const child = spawn("ip", ["netns", "exec", namespace, ...argv], { stdio: ["ignore", out, out] });
  children.push(child);
  return child;
}

async function until(what: string, isTrue: () => boolean, ms = 5000): Promise<void> {
  if (!(await isInTime(isTrue, ms, 50))) throw new Failed(`not seen within ${ms / 1000} seconds and more: ${what}`);
}

async function setUp(): Promise<void> {
  title("Two machines, as network namespaces of this one: a server at 10.77.0.1, and a client");
  must(`ip netns add ${server} && ip netns add ${client}`);
  must(`ip link add name eth0 netns ${server} type veth peer name eth0 netns ${client}`);
  must(`ip addr add ${SERVER}/24 dev eth0 && ip link set eth0 up && ip link set lo up`, server);
  must(`ip addr add ${FIRST}/24 dev eth0 && ip addr add ${SECOND}/24 dev eth0 && ip link set eth0 up`, client);
  await until("the link is up", () => sh("ip -br link show eth0", server).out.includes("LOWER_UP"));

  title(
    "The server's firewall, as in docs/firewall.md: it rejects everything but answers and what the chain KNOCKD accepts",
  );
  const rules = [
    "-N KNOCKD",
    "-A INPUT -i lo -j ACCEPT",
    "-A INPUT -m conntrack --ctstate ESTABLISHED,RELATED -j ACCEPT",
    "-A INPUT -j KNOCKD",
    "-A INPUT -j REJECT",
  ];
  for (const rule of rules) {
    must(`iptables ${rule}`, server);
    show(`iptables ${rule}`);
  }
  must(`iptables -I INPUT 2 -p tcp --dport ${GUARDED} -j ACCEPT`, server);
  show(
    `iptables -I INPUT 2 -p tcp --dport ${GUARDED} -j ACCEPT   # the second door's port: knockd's own gate closes it`,
  );
  const listen = `for (const port of [22, ${GUARDED}])
    require("net").createServer((s) => s.end("SSH-2.0-demo\\r\\n")).listen(port, "${SERVER}")`;
  start(server, [process.execPath, "-e", listen], fs.openSync("/dev/null", "w"));
  await until("something listens on port 22", () => reach(SERVER, server).includes("SSH-2.0"));
  seen("something listens on port 22");
}

/** The answer of this port to this source address. */
function reach(from: string, namespace = client, port = 22): string {
  return sh(
    `curl -sS --interface ${from} --max-time 2 --http0.9 telnet://${SERVER}:${port} </dev/null`,
    namespace,
  ).out.trim();
}

async function daemon(): Promise<() => string> {
  title("knockd, on knockd.conf.example, and with a door that needs no command");
  const config = join(dir, "knockd.conf");
  // The example, unchanged except for the system's log, because the demo must not write to this machine's.
  fs.writeFileSync(
    config,
    fs.readFileSync(join(repo, "knockd.conf.example"), "utf8").replace(/^\s*UseSyslog$/m, "") + BUILT_IN,
  );
  show(must(`sed -n '/^\\[openSSH/,$p' ${config}`));
  const log = join(dir, "stdout");
  knockd = start(server, [join(repo, "dist/src/knockd.js"), "-i", "eth0", "-c", config, "-v"], fs.openSync(log, "w"));
  const said = () => fs.readFileSync(log, "utf8");
  await until("listening on eth0...", () => said().includes("listening on eth0..."));
  seen("listening on eth0...");
  return said;
}

/** A door that the kernel opens, and closes even if knockd is dead. */
async function builtIn(said: () => string): Promise<void> {
  title(`The door without a command: a client at ${FIRST} knocks`);
  const isClosed = (from = FIRST) => REFUSED.test(reach(from, client, GUARDED));
  if (!isClosed()) throw new Failed(`port ${GUARDED} should be refused: ${reach(FIRST, client, GUARDED)}`);
  seen(`port ${GUARDED} is closed: knockd's gate answers with a reset`);
  must(`${join(repo, "dist/src/knock.js")} ${SERVER} ${BUILT_IN_PORTS.join(" ")}`, client);
  const line = `${FIRST}: built-in: opened tcp/${GUARDED} for 6 seconds`;
  await until(line, () => said().includes(line));
  show(line);
  if (!reach(FIRST, client, GUARDED).startsWith("SSH-2.0")) throw new Failed(`port ${GUARDED} should be open`);
  seen(`port ${GUARDED} is open to this client`);
  if (!isClosed(SECOND))
    throw new Failed(`port ${GUARDED} should be closed to ${SECOND}: ${reach(SECOND, client, GUARDED)}`);
  seen(`and closed to ${SECOND}`);
  knockd!.kill("SIGKILL");
  show("$ kill -9 knockd");
  await until(`port ${GUARDED} is closed`, () => isClosed(), 30_000);
  seen("the kernel has closed it on time, without knockd");
}

async function knockIn(from: string, how: string, knock: () => string, said: () => string): Promise<void> {
  title(`A client at ${from} knocks, with ${how}`);
  const before = reach(from);
  if (!REFUSED.test(before)) throw new Failed(`port 22 should be refused: ${before}`);
  seen(`port 22 is closed to this client: ${before}`);
  const already = said().length;
  show(knock());
  const lines = [
    ...PORTS.map((_, i) => `${from}: openSSH: Stage ${i + 1}`),
    `${from}: openSSH: OPEN SESAME`,
    `openSSH: running command: /sbin/iptables -A KNOCKD -s ${from} -p tcp --dport 22 -j ACCEPT`,
  ];
  const fresh = () => said().slice(already);
  await until(lines.at(-1)!, () => lines.every((line) => fresh().includes(`${line}\n`)));
  show(fresh());
  const rule = () => sh("iptables -L KNOCKD -v -n", server).out;
  await until("the rule", () => rule().includes(from));
  const after = reach(from);
  if (!after.startsWith("SSH-2.0")) throw new Failed(`port 22 should be open: ${after}`);
  seen(`port 22 is open to this client: ${after}`);
  const counted = new RegExp(`^ *[1-9]\\d* .*ACCEPT .*${from.replaceAll(".", "\\.")} .*dpt:22`, "m");
  if (!counted.test(rule())) throw new Failed(`the rule has counted nothing:\n${rule()}`);
  seen("this rule lets it in, and has counted its packets: iptables -L KNOCKD -v -n");
  show(rule());
}

function byKnock(): string {
  const command = `knock -v ${SERVER} ${PORTS.join(" ")}`;
  return `$ ${command}\n${must(command.replace("knock", join(repo, "dist/src/knock.js")), client)}`;
}

/**
 * The three knocks of the how-to, a fifth of a second apart. Started at once, their order would depend on the shell.
 */
function byCurl(): string {
  const curls = PORTS.map((port) => `curl --max-time 1 http://${SERVER}:${port} &`);
  // --interface makes it the second client: both are in one namespace.
  must(
    `${curls.map((one) => `${one.replace("curl", `curl -s --interface ${SECOND}`)} sleep 0.2;`).join(" ")} wait`,
    client,
  );
  return `$ ${curls.join(" sleep 0.2; ")}`;
}

function cleanUp(): void {
  for (const child of children) child.kill("SIGKILL");
  for (const namespace of [server, client]) spawnSync("ip", ["netns", "del", namespace]);
  if (dir) removeStateOf(dir);
  if (dir) fs.rmSync(dir, { recursive: true, force: true });
}

if (process.getuid?.() !== 0) {
  console.error("The demo makes network namespaces and firewall rules in them, and needs root: sudo npm run demo");
  process.exit(1);
}
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
  process.on(signal, () => {
    cleanUp();
    process.exit(1);
  });
}
try {
  dir = fs.mkdtempSync(join(tmpdir(), "knockdemo-"));
  await setUp();
  const said = await daemon();
  await knockIn(FIRST, "knock", byKnock, said);
  await knockIn(SECOND, "three curls, 0.2 s apart", byCurl, said);
  await builtIn(said);
  title("Every step was checked. Nothing is left behind on this machine.");
} catch (error) {
  if (!(error instanceof Failed)) throw error;
  console.error(`\n${colour(31, "✗")} ${error.message}`);
  process.exitCode = 1;
} finally {
  cleanUp();
}
