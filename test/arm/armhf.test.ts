// The armhf packages on whole machines in QEMU: Debian's 32-bit user land with systemd on a 64-bit kernel, as 32-bit Raspberry Pi
// OS runs on a board of 64 bits. Live capture, netlink and time_t of 32 bit: bookworm's has 32 bits itself, trixie's 64.
import assert from "node:assert/strict";
import { afterEach, describe, it } from "node:test";
import { isOpen, knock } from "../boot/knocker.ts";
import { needsRoot } from "../live/wire.ts";
import { Pi } from "./pi.ts";
import { isListening, setAddress, startSshd } from "./scene.ts";

const PACKAGES = { bookworm: "knockd_*-[0-9]_armhf.deb", trixie: "knockd_*+deb13_armhf.deb" } as const;
const COMMAND = `
[command]
	sequence      = 5151,6262:udp,1313
	tcpflags      = syn
	start_command = echo open %IP% >>/run/doors
	cmd_timeout   = 2
	stop_command  = echo close %IP% >>/run/doors
`;
/** Long enough for the commands that look at the opening: each takes ten seconds in QEMU on a busy machine. */
const OPEN_S = 60;

describe("the armhf package on a whole machine of 32-bit programs", { skip: needsRoot }, () => {
  let pi: Pi;
  afterEach(() => pi?.close());

  /** What connect() says at port 22: 0, or the name of the error. */
  const connect = async () => {
    const probe = `import errno, socket; print(errno.errorcode.get(socket.socket().connect_ex(("${pi.wire.server}", 22)), 0))`;
    return (await pi.wire.run("client", ["timeout", "5", "python3", "-c", probe])).stdout.trim();
  };
  const sequence = async (file: string) =>
    /sequence\s+= (\S+)\n\tseq_timeout = 15/.exec(await pi.ok(`cat ${file}`))![1]!.split(",");
  const opens = async (knocks: readonly string[]) => {
    assert.equal(await connect(), "ECONNREFUSED");
    await knock(pi.wire, ...knocks);
    await pi.until(() => isOpen(pi.wire, 22), "port 22, opened in the kernel");
  };
  /** The kernel's seconds for the client in the gate's set. */
  const leases = async (): Promise<{ timeout: number; expires: number }[]> => {
    const found: { timeout: number; expires: number }[] = [];
    JSON.parse(await pi.ok("nft -j list ruleset"), (_, value) => {
      if (value?.timeout !== undefined && JSON.stringify(value.val)?.includes(pi.wire.client)) found.push(value);
      return value;
    });
    return found;
  };

  for (const release of ["bookworm", "trixie"] as const) {
    it(`of ${release}: init closes a port, a knock opens it in the kernel, and another runs a command`, async (t) => {
      pi = await Pi.boot(`${release}-armhf`);
      t.diagnostic((await pi.ok("uname -srm; node --version; dpkg --print-architecture")).replaceAll("\n", "; "));
      assert.equal(await pi.ok("node -p process.arch"), "arm\n");
      await setAddress(pi);
      await startSshd(pi);
      await pi.ok(`apt-get install -y /srv/${PACKAGES[release]} </dev/null`);
      t.diagnostic((await pi.ok("knockd -V")).trim());
      await pi.until(async () => (await connect()) === "0", "port 22, open before init");

      // A door in the kernel, made by init
      const begun = await pi.ok(`knockctl init --yes --no-codes --interface eth0 --timeout ${OPEN_S}`);
      assert.match(begun, /^firewall {3}gate: knockd's own table/m);
      await isListening(pi);
      assert.equal(await pi.ok("readlink /proc/$(systemctl show -P MainPID knockd)/exe"), "/usr/sbin/knockd\n");
      assert.match(
        await pi.ok("knockctl self-test"),
        /^knockd \S+ is listening \(pid \d+, self-test of \d+ knocks\)$/m,
      );
      await opens(await sequence("/run/knockd-init/knockd.conf"));
      await pi.ok("knockctl init --confirm");
      await isListening(pi);
      await pi.until(async () => (await connect()) === "ECONNREFUSED", "end of the opening");

      await opens(await sequence("/etc/knockd.conf"));
      const [lease] = await leases();
      assert.equal(lease?.timeout, OPEN_S);
      assert.ok(lease.expires <= OPEN_S, `${lease.expires} s left`);
      const status = await pi.ok("knockctl status");
      assert.match(status, new RegExp(`^openSSH .* ${OPEN_S} s .*10\\.77\\.0\\.2`, "m"));
      t.diagnostic(status);
      await pi.until(async () => (await connect()) === "ECONNREFUSED", "end of the opening");
      assert.deepEqual(await leases(), []);

      // A door with commands
      await pi.ok(`cat >>/etc/knockd.conf <<'END'${COMMAND}END`);
      // Its lockdown outlives a reload, which fails therefore, however slow the machine is.
      assert.equal((await pi.run("systemctl reload knockd")).status, 1);
      assert.match(await pi.ok("journalctl -u knockd --no-pager"), /has a command, and this knockd can run none/);
      await pi.ok("systemctl restart knockd");
      await isListening(pi);
      await pi.ok("systemctl reload knockd");
      await isListening(pi);
      await knock(pi.wire, "5151", "6262:udp", "1313");
      const doors = async () => (await pi.run("cat /run/doors")).stdout;
      await pi.until(async () => (await doors()) === "open 10.77.0.2\nclose 10.77.0.2\n", "open and close");

      // The times of packets are the kernel's, read by libpcap's time_t.
      const lines = (await pi.ok("knockctl explain 10.77.0.2 --json")).trimEnd().split("\n");
      const times = lines.map((line) => JSON.parse(line)).filter(({ type }) => type === "verdict");
      assert.ok(times.length >= 4, lines.join("\n"));
      const now = Number(await pi.ok("date +%s")) * 1000;
      for (const { time } of times) assert.ok(Math.abs(Date.parse(time) - now) < 600_000, `${time}, now ${now}`);
      t.diagnostic((await pi.run("systemd-analyze time; ps -o rss= -C knockd")).stdout.replaceAll("\n", "; "));
    });
  }
});
