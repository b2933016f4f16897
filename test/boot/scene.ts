// What the tests of booted machines share: the package, a firewall, a config with two doors, and a server at port 22.
import assert from "node:assert/strict";
import { readdirSync } from "node:fs";
import { type Machine, RELEASED } from "./machine.ts";

/** Paths in the machine's /srv. */
export const OURS = `/srv/${packageFile()}`;
export const JUDGE = "/srv/knockd_0.8*.deb";

/** The first door stays open. The second one's stop command runs after five minutes, or when knockd ends. */
export const CONFIG = `# mine
[options]
	UseSyslog
[openSSH]
	sequence = 4438,1813,8235
	tcpflags = syn
	command  = /sbin/iptables -A KNOCKD -s %IP% -p tcp --dport 22 -j ACCEPT
[while]
	sequence      = 5151,6262:udp,1313
	tcpflags      = syn
	start_command = /sbin/iptables -A KNOCKD -s %IP% -p tcp --dport 22 -j ACCEPT
	cmd_timeout   = 300
	stop_command  = /sbin/iptables -D KNOCKD -s %IP% -p tcp --dport 22 -j ACCEPT
`;
export const SSH = [4438, 1813, 8235];
export const WHILE = [5151, "6262:udp", 1313];

/** Clients that have not knocked are refused, and a server listens at port 22. */
export async function firewall(machine: Machine): Promise<void> {
  for (const rule of [
    "-N KNOCKD",
    "-A INPUT -i lo -j ACCEPT",
    "-A INPUT -m conntrack --ctstate ESTABLISHED,RELATED -j ACCEPT",
    "-A INPUT -j KNOCKD",
    "-A INPUT -j REJECT",
  ]) {
    await machine.ok(`iptables ${rule}`);
  }
  const server = "import socket; s = socket.create_server(('0.0.0.0', 22))\nwhile True: s.accept()";
  machine.wire.spawn("server", ["python3", "-c", server], { stdio: "ignore" });
  await machine.until(async () => (await machine.wire.run("server", ["ss", "-ltn"])).stdout.includes(":22 "), "sshd");
}

/** Runs it as people do, but with no one to answer a question. */
export function install(machine: Machine, file: string): Promise<string> {
  return machine.ok(`apt-get install -y --allow-downgrades ${file} </dev/null`);
}

export async function opens(machine: Machine, knocks: readonly (number | string)[]): Promise<void> {
  assert.equal(await machine.isOpen(22), false, "closed before the knock");
  await machine.knock(...knocks);
  await machine.until(() => machine.isOpen(22), "open door");
}

/** Waits until it is true, even while an attempt or a command is under way. */
export async function isListening(machine: Machine): Promise<void> {
  assert.equal(await machine.property("ActiveState"), "active");
  assert.match(await machine.property("StatusText"), /^listening on eth0 \(10\.77\.0\.1, /);
}

/** Waits until Debian's knockd captures. systemd calls it active before that, and until then a SIGHUP ends it. */
export async function judgeIsListening(machine: Machine): Promise<void> {
  await machine.until(async () => {
    const pid = await machine.property("MainPID");
    const { stdout } = await machine.run(`sed -n 's/^SigCgt:\\s*//p' /proc/${pid}/status`);
    return (Number.parseInt(stdout.trim().at(-1) ?? "0", 16) & 1) !== 0; // SIGHUP is signal 1
  }, "0.8 that captures");
  assert.match(await machine.ok("knockd -V"), /^knockd 0\.8\n/);
}

function packageFile(): string {
  const ours = readdirSync(RELEASED).find((file) => /^knockd_[\d.]+-\d+_amd64\.deb$/.test(file));
  if (ours === undefined) throw new Error(`no package in ${RELEASED}: npm run test:boot makes it`);
  return ours;
}
