// Tests every link type that this kernel has or can emulate: libpcap's name for it, and that the daemon receives knocks
// of both IP versions there, behind VLAN tags and IPv6 extension headers too.
import assert from "node:assert/strict";
import { statSync } from "node:fs";
import { join } from "node:path";
import { after, afterEach, before, describe, it } from "node:test";
import { Records } from "../../src/capture/records.ts";
import { native } from "../../src/platform/native.ts";
import { frame, type Wrap } from "../frame.ts";
import { until as isInTime } from "../time-limit.ts";
import { Daemon, type Which } from "./daemon.ts";
import { Tun } from "./tun.ts";
import { needsRoot, repo, Wire } from "./wire.ts";

const CONFIG = `
[door]
  sequence = 7000,7001:udp,7002
  seq_timeout = 60
  tcpflags = syn
  command = echo %IP% >>$KNOCK_LOG
`;
const KNOCKS = ["7000:tcp", "7001:udp", "7002:tcp"] as const;

/** Options, routing, a first fragment that is the whole, authentication: the longest that decode.cc walks is six. */
const EXTENSIONS: NonNullable<Wrap["extensions"]> = [
  { type: 0, body: Buffer.from("010400000000", "hex") },
  { type: 43, body: Buffer.alloc(6) },
  { type: 51, body: Buffer.alloc(22) },
  { type: 60, body: Buffer.from("010c000000000000000000000000", "hex") },
];
/** None, 802.1Q, a priority tag, QinQ. */
const TAGS: NonNullable<Wrap["vlans"]>[] = [
  [],
  [{ tpid: 0x8100, tci: 5 }],
  [{ tpid: 0x8100, tci: 0xe000 }],
  [
    { tpid: 0x88a8, tci: 5 },
    { tpid: 0x8100, tci: 6 },
  ],
];

describe("a knock is captured", { skip: needsRoot }, () => {
  let wire: Wire;
  let sequence = 0;
  const running: Daemon[] = [];
  before(async () => {
    wire = await Wire.open();
  });
  after(() => wire?.close());
  afterEach(async () => {
    for (const daemon of running.splice(0)) await daemon.stop();
  });
  async function start(device: string, config = CONFIG, which: Which = "ours"): Promise<Daemon> {
    const args = ["-i", device, "-c", "@dir@/knockd.conf", "-v"];
    const daemon = await Daemon.start(wire, which, config, args, { ready: `listening on ${device}...` });
    running.push(daemon);
    return daemon;
  }
  async function ip(...args: string[]): Promise<void> {
    const { status, stderr } = await wire.run("server", ["ip", ...args]);
    assert.equal(status, 0, `ip ${args.join(" ")}: ${stderr}`);
  }
  const knocks = (from: string, to: string, wrap: Wrap) =>
    KNOCKS.map((one) => {
      const [port, protocol] = one.split(":") as [string, "tcp" | "udp"];
      return frame({ from, to, protocol, port: Number(port), seq: ++sequence }, wrap);
    });
  const onTheCable = (frames: readonly Buffer[]) => wire.send(frames.map((one, i) => ({ at: i * 0.02, frame: one })));
  const opens = (daemon: Daemon, from: readonly string[]) =>
    daemon
      .waitFor(() => daemon.commands().length >= from.length)
      .finally(() => assert.deepEqual(daemon.commands(), from));

  for (const device of ["eth0", "any"]) {
    it(`at ${device} with VLAN tags, of which the kernel removes the outer one, and with extension headers`, async () => {
      const ours = await start(device);
      const judge = device === "any" ? undefined : await start(device, CONFIG, "judge");
      const knocked: string[] = [];
      const plain: string[] = [];
      // On a cooked link, kernels since 6.11 call QinQ packets IP but leave the inner tag before them, so they can't be
      // decoded. Hosts with such VLANs have devices for them, where `any` captures the packet without its tags.
      for (const [i, vlans] of TAGS.slice(0, device === "any" ? 3 : 4).entries()) {
        for (const [from, to, wrap] of [
          [`10.77.0.${60 + i}`, wire.server, { vlans }],
          [`fd77::6${i}`, wire.server6, { vlans }],
          [`fd77::7${i}`, wire.server6, { vlans, extensions: EXTENSIONS }],
        ] as const) {
          await onTheCable(knocks(from, to, wrap));
          knocked.push(from);
          if (vlans.length === 0 && !("extensions" in wrap)) plain.push(from);
          await opens(ours, knocked);
        }
      }
      if (judge === undefined) return;
      await judge.waitFor(() => judge.commands().length >= plain.length);
      assert.deepEqual(judge.commands(), plain, "0.8 receives knocks with neither tags nor extension headers");
    });
  }

  // ARPHRD_ numbers of linux/if_arp.h. This kernel has no such devices, but a tunnel that can pretend to be one.
  for (const [title, hardware, linkType] of [
    ["a tunnel", 0, 12],
    ["PPP", 512, 113],
    ["IP in IP", 768, 12],
    ["IPv6 in IPv6", 769, 113],
    ["IPv6 in IPv4 (sit)", 776, 12],
    ["GRE", 778, 113],
    ["GRE over IPv6", 823, 113],
  ] as const) {
    it(`at ${title}: libpcap's link type ${linkType}`, async () => {
      const tun = await Tun.open(wire, "tun7", hardware);
      await ip("-6", "address", "flush", "dev", "tun7");
      await ip("address", "add", "10.77.7.1/24", "dev", "tun7");
      await ip("-6", "address", "add", "fd87::1/64", "dev", "tun7", "nodad");
      const ours = await start("tun7");
      const knocked: string[] = [];
      for (const [from, to, wrap] of [
        ["10.77.7.2", "10.77.7.1", {}],
        ["fd87::2", "fd87::1", {}],
        ["fd87::3", "fd87::1", { extensions: EXTENSIONS }],
      ] as const) {
        for (const packet of knocks(from, to, { ...wrap, link: "raw" })) tun.write(packet);
        knocked.push(from);
        await opens(ours, knocked);
      }
      const program = `
        import { native } from ${JSON.stringify(join(repo, "dist/src/platform/native.js"))};
        console.log(new native.Capture({ device: "tun7", snapLength: 256, bufferSize: 1 << 20 }).linkType);
        process.exit();`;
      const said = await wire.run("server", [process.execPath, "--input-type=module", "-e", program]);
      assert.equal(said.stdout.trim(), `${linkType}`, said.stderr);
      tun.close();
      await ours.waitFor(() => ours.stderr.includes("tun7 is gone"));
    });
  }

  it("through a VXLAN, from the real client", async () => {
    for (const [side, address, remote] of [
      ["server", "10.77.8.1/24", wire.client],
      ["client", "10.77.8.2/24", wire.server],
    ] as const) {
      for (const args of [
        `link add vx0 type vxlan id 7 remote ${remote} dstport 4789 dev eth0`,
        `address add ${address} dev vx0`,
        "link set vx0 up",
      ]) {
        const { status, stderr } = await wire.run(side, ["ip", ...args.split(" ")]);
        assert.equal(status, 0, stderr);
      }
    }
    const ours = await start("vx0");
    const knock = [process.execPath, join(repo, "dist/src/knock.js"), "-d", "50", "10.77.8.1", ...KNOCKS];
    assert.equal((await wire.run("client", knock)).status, 0);
    await opens(ours, ["10.77.8.2"]);
  });

  it("from a file of tcpdump, cooked v1 and v2, from Ethernet and from PPP", async () => {
    const tun = await Tun.open(wire, "ppp7", 512);
    await ip("address", "add", "10.77.7.1/24", "dev", "ppp7");
    for (const [device, type, linkType] of [
      ["any", "LINUX_SLL2", 276],
      ["any", "LINUX_SLL", 113],
      ["ppp7", "LINUX_SLL", 113],
      ["eth0", "EN10MB", 1],
    ] as const) {
      const file = join(wire.dir, `${device}-${type}.pcap`);
      const filter = device === "ppp7" ? "dst host 10.77.7.1" : "dst host 10.77.0.1 or dst host fd77::1";
      const argv = ["tcpdump", "-i", device, "-y", type, "-U", "-Z", "root", "-w", file, filter];
      const tcpdump = wire.spawn("server", argv, { stdio: ["ignore", "ignore", "pipe"] });
      let said = "";
      tcpdump.stderr!.on("data", (text) => (said += text));
      await until(
        () => said.includes("listening on"),
        () => said,
      );
      const frames =
        device === "ppp7"
          ? knocks("10.77.7.2", "10.77.7.1", { link: "raw" })
          : [...knocks("10.77.0.5", wire.server, {}), ...knocks("fd77::5", wire.server6, { extensions: EXTENSIONS })];
      const before = statSync(file).size;
      if (device === "ppp7") for (const packet of frames) tun.write(packet);
      else await onTheCable(frames);
      await until(
        () => statSync(file).size > before + frames.length * 60,
        () => `${statSync(file).size} bytes`,
      );
      const ended = new Promise((resolve) => tcpdump.once("exit", resolve));
      tcpdump.kill("SIGTERM");
      await ended;
      const capture = new native.Capture({ savefile: file });
      assert.equal(capture.linkType, linkType);
      const records = new Records();
      const count = capture.read(records.buffer);
      const ports = Array.from({ length: count }, (_, i) => records.at(i).port).filter((port) => port >= 7000);
      assert.deepEqual(
        ports.filter((port) => port <= 7002),
        frames.map((_, i) => 7000 + (i % 3)),
        `${device} ${type}`,
      );
      capture.close();
    }
    tun.close();
  });
});

async function until(isTrue: () => boolean, said: () => string): Promise<void> {
  if (!(await isInTime(isTrue, 10_000, 10))) throw new Error(`not within 10 s and more: ${said()}`);
}
