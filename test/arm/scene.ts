// What the tests of ARM machines have in common: the address, a server at port 22, and a daemon that listens.
import assert from "node:assert/strict";
import type { Pi } from "./pi.ts";

const INTERFACES = "auto lo eth0\niface lo inet loopback\niface eth0 inet static\n  address 10.77.0.1/24\n";
const SSHD = 'require("net").createServer((one) => one.on("error", () => {})).listen(22, "0.0.0.0")';

/** Also after a reboot. */
export async function setAddress(pi: Pi): Promise<void> {
  await pi.write("etc/network/interfaces", INTERFACES);
  await pi.ok("systemctl restart networking");
}

/** Until a reboot. */
export async function startSshd(pi: Pi): Promise<void> {
  await pi.write("root/sshd.js", SSHD);
  await pi.ok("systemd-run --unit=sshd-of-sorts node /root/sshd.js");
}

export async function isListening(pi: Pi): Promise<void> {
  await pi.until(async () => (await pi.property("StatusText")).includes("10.77.0.1"), "address");
  assert.equal(await pi.property("ActiveState"), "active");
  assert.match(await pi.property("StatusText"), /^listening on eth0 \(10\.77\.0\.1/);
}
