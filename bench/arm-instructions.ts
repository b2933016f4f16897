// `npm run test:arm -- instructions`: how many instructions a packet of a flood and a knock with its command take on arm64,
// with knockd-ng and with Debian's knockd 0.8. Runs on a whole machine in QEMU, where perf counts them by -icount. The
// instructions are those of a Pi; the times are not, so they are not measured.
import { setTimeout as sleep } from "node:timers/promises";
import { Pi } from "../test/arm/pi.ts";
import { frame } from "../test/frame.ts";
import type { Which } from "../test/live/daemon.ts";

const PORTS = [7000, 8000, 9000];
const ALONE = 7100;
const CONFIG = `[options]
[door]
  sequence    = ${PORTS}
  seq_timeout = 60
  tcpflags    = syn
  command     = /bin/true
[silent]
  sequence    = ${ALONE},7200
  seq_timeout = 60
  tcpflags    = syn
`;
/** Packets before the measurement, in which V8 compiles. */
const WARM_UP = 100_000;
const FLOOD = 20_000;
const RATE = 2_000;
const KNOCKS = 20;
/** On the disk of tools, whose packages are unpacked and not installed. */
const [PERF, LIBRARIES] = ["/mnt/usr/bin/perf", "/mnt/usr/lib/aarch64-linux-gnu:/mnt/lib/aarch64-linux-gnu"];
const FILES: Record<Which, { deb: string; program: string }> = {
  ours: { deb: "$(ls /srv/knockd_*_arm64.deb)", program: "usr/lib/knockd/knockd.js" },
  judge: { deb: "/mnt/srv/knockd_0.8*.deb", program: "usr/sbin/knockd" },
};

interface Count {
  user: number;
  kernel: number;
}

let pi: Pi;
let sent = 0;

/** Instructions per packet that arrives while `during` runs, including those of the daemon's commands. */
async function counted(pid: string, during: () => Promise<void>): Promise<Count> {
  const arrived = async () => Number(await pi.ok("cat /sys/class/net/eth0/statistics/rx_packets"));
  const before = await arrived();
  const perf = `${PERF} stat -x, -o /run/count -e instructions:u,instructions:k -p ${pid} -- sh -c 'touch /run/counting; until [ -e /run/enough ]; do sleep 0.1; done'`;
  await pi.ok(
    `rm -f /run/counting /run/enough; systemd-run --collect --unit=count --setenv=LD_LIBRARY_PATH=${LIBRARIES} ${perf}`,
  );
  await pi.until(async () => (await pi.run("test -e /run/counting")).status === 0, "perf");
  await during();
  await pi.ok("touch /run/enough");
  await pi.until(async () => (await pi.property("ActiveState", "count")) === "inactive", "end of perf");
  const said = await pi.ok("cat /run/count");
  const of = (event: string) => Number(new RegExp(`^(\\d+),,${event}`, "m").exec(said)?.[1]);
  const [user, kernel, packets] = [of("instructions:u"), of("instructions:k"), (await arrived()) - before];
  if (!(user > 0 && kernel > 0)) throw new Error(`perf counts no instructions: ${said}`);
  process.stderr.write(`${packets} packets: ${user} + ${kernel} instructions\n`);
  return { user: user / packets, kernel: kernel / packets };
}

/** Packets that the network card drops are not counted. If the daemon's socket drops some, `measure` fails. */
async function flood(count: number): Promise<void> {
  const { client: from, server: to } = pi.wire;
  const template = frame({ from, to, protocol: "tcp", port: ALONE, sourcePort: 1024, seq: (sent += FLOOD) });
  await pi.wire.flood({ templates: [template], count, rate: RATE, vary: "port" });
  await idle();
}

async function knocks(count: number): Promise<void> {
  const { client: from, server: to } = pi.wire;
  const frames = Array.from({ length: count * PORTS.length }, (_, i) => ({
    at: i * 0.2,
    frame: frame({ from, to, protocol: "tcp", port: PORTS[i % 3]!, sourcePort: 2000 + i, seq: (sent += FLOOD) }),
  }));
  await pi.wire.send(frames);
  await idle();
}

/** Waits until the daemon and the machine's network have handled all packets. */
async function idle(): Promise<void> {
  const used = async () => {
    await sleep(2000);
    return pi.ok("systemctl show -P CPUUsageNSec subject");
  };
  for (let before = ""; ; ) {
    const now = await used();
    if (before !== "" && Number(now) - Number(before) < 20e6) return;
    before = now;
  }
}

async function measure(which: Which): Promise<{ packet: Count; knock: Count }> {
  const { deb, program } = FILES[which];
  await pi.ok(`rm -rf /opt/${which}; mkdir -p /opt; dpkg -x ${deb} /opt/${which}`);
  await pi.ok(`systemd-run --collect --unit=subject /opt/${which}/${program} -i eth0 -c /etc/knockd.conf`);
  await pi.until(async () => /"?knockd"?/.test(await pi.ok("ss -0p")), "packet socket");
  await idle();
  const pid = (await pi.property("MainPID", "subject")).trim();
  await flood(WARM_UP);
  await knocks(10);
  const packet = await counted(pid, () => flood(FLOOD));
  const knock = await counted(pid, () => knocks(KNOCKS));
  const drops = /,d(\d+)\)/.exec(await pi.ok("ss -0pm | grep -A1 knockd"))?.[1];
  if (drops !== "0") throw new Error(`${which} has lost packets: ${drops}`);
  await pi.ok("systemctl stop subject");
  const of = ({ user, kernel }: Count, n: number) => ({ user: user * n, kernel: kernel * n });
  return { packet, knock: of(knock, PORTS.length) };
}

pi = await Pi.boot("bookworm-arm64", "-smp", "1", "-icount", "shift=4");
try {
  await pi.ok("ip address add 10.77.0.1/24 dev eth0; ip link set eth0 up");
  // Do not answer the knocks, because answers cost instructions too.
  await pi.ok("iptables -A INPUT -p tcp --dport 7000:9000 -j DROP");
  await pi.write("etc/knockd.conf", CONFIG);
  console.log(
    "| arm64 instructions, thousands: of user space + of the kernel | a packet of a flood | a knock with a command |",
  );
  console.log("|---|---|---|");
  for (const which of ["ours", "judge"] as const) {
    const { packet, knock } = await measure(which);
    const text = ({ user, kernel }: Count) => `${(user / 1000).toFixed(1)} + ${(kernel / 1000).toFixed(1)}`;
    console.log(`| ${which === "ours" ? "knockd-ng" : "knockd 0.8"} | ${text(packet)} | ${text(knock)} |`);
  }
} finally {
  await pi.close();
}
