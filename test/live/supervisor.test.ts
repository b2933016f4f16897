// Tests addresses and interfaces of every kind that come, go and change while the daemon runs: it still captures knocks
// afterwards. Debian's knockd does not.
import assert from "node:assert/strict";
import { after, afterEach, before, describe, it } from "node:test";
import { frame, type Segment } from "../frame.ts";
import { Daemon, type StartOptions, type Which } from "./daemon.ts";
import { Tun } from "./tun.ts";
import { needsRoot, Wire } from "./wire.ts";

const CONFIG = (ports: string, more = "") => `
[door]
  sequence = ${ports}
  seq_timeout = 20
  start_command = echo open %IP% >>$KNOCK_LOG
${more}`;

const MAC = "02:77:00:00:00:05";

describe("the capture supervisor", { skip: needsRoot }, () => {
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

  const on =
    (side: "server" | "client") =>
    async (...args: string[]): Promise<void> => {
      const { status, stderr } = await wire.run(side, ["ip", ...args]);
      assert.equal(status, 0, `ip ${args.join(" ")}: ${stderr}`);
    };
  const ip = on("server");
  const clientIp = on("client");

  async function start(
    args: string[],
    config = CONFIG("7000,7001:udp,7002"),
    more: StartOptions = {},
    which: Which = "ours",
  ) {
    const daemon = await Daemon.start(wire, which, config, [...args, "-c", "@dir@/knockd.conf", "-v"], more);
    running.push(daemon);
    return daemon;
  }

  /** A packet from the client, as its kernel would send it. */
  async function knock(to: string, knocks: readonly (number | string)[], more: Partial<Segment> = {}): Promise<void> {
    const from = to.includes(":") ? wire.client6 : wire.client;
    await wire.send(
      knocks.map((one, i) => {
        const [port, protocol = "tcp"] = String(one).split(":");
        const segment = { from, to, protocol: protocol as "tcp" | "udp", port: Number(port), seq: ++sequence, ...more };
        return { at: i * 0.03, frame: frame(segment) };
      }),
    );
  }
  /** To the macvlan that a test has made. */
  const segmentTo5 = (one: number | string): Segment => {
    const [port, protocol = "tcp"] = String(one).split(":");
    return { from: "10.77.5.2", to: "10.77.5.1", protocol: protocol as "tcp", port: Number(port), seq: ++sequence };
  };
  const sendTo5 = (knocks: readonly (number | string)[]) =>
    wire.send(
      knocks.map((one, i) => ({
        at: i * 0.03,
        frame: frame(segmentTo5(one), { macs: { from: wire.clientMac, to: MAC } }),
      })),
    );
  const opens = (daemon: Daemon, times = 1) => daemon.waitFor(() => daemon.commands().length === times);
  /** Standard output has no line for it, so the log must show it. */
  const says = (daemon: Daemon, text: string) => daemon.waitFor(() => logged(daemon).includes(text));
  const logged = (daemon: Daemon) => daemon.syslog().join("\n");
  const SYSLOG = "[options]\nUseSyslog\n";

  it("captures at an address that is added later, which 0.8 does not; attempts continue meanwhile", async () => {
    const config = SYSLOG + CONFIG("7000,7001:udp,7002");
    const ours = await start(["-i", "eth0"], config, { syslog: true });
    const judge = await start(["-i", "eth0"], CONFIG("7000,7001:udp,7002"), {}, "judge");
    await knock(wire.server, [7000]);
    await ours.waitFor("Stage 1");
    await ip("address", "add", "10.77.0.7/24", "dev", "eth0");
    await says(ours, "eth0: listening at 10.77.0.1, 10.77.0.7,");
    await knock("10.77.0.7", ["7001:udp", 7002]);
    await opens(ours);
    await knock("10.77.0.7", [7000, "7001:udp", 7002]);
    await opens(ours, 2);
    assert.deepEqual(judge.commands(), []);
    await ip("address", "del", "10.77.0.7/24", "dev", "eth0");
    await says(ours, "eth0: listening at 10.77.0.1, fd77::1");
    await knock("10.77.0.7", [7000, "7001:udp", 7002]);
    await knock(wire.server, [7000, "7001:udp", 7002]);
    await opens(ours, 3);
    assert.equal(ours.stdout.split("OPEN SESAME").length - 1, 3);
  });

  it("accepts nothing from broadcast addresses or this host's own addresses, at any interface", async () => {
    const ours = await start(["-i", "eth0"], SYSLOG + CONFIG("7000"), { syslog: true });
    await ip("link", "add", "dum0", "type", "bridge");
    await ip("address", "add", "10.77.9.1/30", "dev", "dum0");
    await ip("address", "add", "10.77.8.1/25", "broadcast", "10.77.8.99", "dev", "eth0");
    await says(ours, "eth0: listening at 10.77.0.1, 10.77.8.1,");
    const not = ["10.77.0.255", "10.77.8.99", "10.77.8.1", "10.77.9.1", "10.77.9.3", "127.0.0.1"];
    for (const from of [...not, "10.77.8.98"]) await knock(wire.server, [7000], { from });
    await opens(ours);
    assert.deepEqual(ours.commands(), ["open 10.77.8.98"]);
    await ip("address", "del", "10.77.8.1/25", "dev", "eth0");
    await ip("link", "del", "dum0");
  });

  it("follows a change of the IPv6 prefix", async () => {
    const ours = await start(["-i", "eth0"], SYSLOG + CONFIG("7000,7001:udp,7002"), { syslog: true });
    await ip("-6", "address", "add", "fd78::1/64", "dev", "eth0", "nodad");
    await ip("-6", "address", "del", "fd77::1/64", "dev", "eth0");
    await says(ours, "fd78::1");
    await knock("fd78::1", [7000, "7001:udp", 7002]);
    await opens(ours);
    await ip("-6", "address", "add", "fd77::1/64", "dev", "eth0", "nodad");
    await ip("-6", "address", "del", "fd78::1/64", "dev", "eth0");
  });

  it("starts on an interface that has no address yet", async () => {
    await ip("link", "add", "dum0", "type", "bridge");
    await ip("link", "set", "dum0", "addrgenmode", "none", "up");
    const ours = await start(["-i", "dum0"], SYSLOG + CONFIG("7000"), { syslog: true, ready: "listening on dum0..." });
    await ip("address", "add", "10.77.9.1/32", "dev", "dum0");
    await says(ours, "dum0: listening at 10.77.9.1");
    await ip("link", "del", "dum0");
    await ours.waitFor(() => ours.stderr.includes("dum0 is gone: waiting for it"));
  });

  it("does not start on a single missing interface, unless told to wait", async () => {
    await assert.rejects(start(["-i", "eth7"]), /could not open eth7/);
    const config = SYSLOG + CONFIG("7000,7001:udp,7002");
    const ours = await start(["-i", "eth7", "--wait"], config, { syslog: true, ready: "waiting for eth7" });
    await ip("link", "add", "eth7", "link", "eth0", "address", MAC, "type", "macvlan", "mode", "bridge");
    await ip("address", "add", "10.77.5.1/24", "dev", "eth7");
    await ip("link", "set", "eth7", "addrgenmode", "none", "up");
    await says(ours, "eth7 is there: listening at 10.77.5.1");
    await ours.waitFor(() => /^eth7 is there: /m.test(ours.stdout)); // with -v; else the terminal still says it waits
    await sendTo5([7000, "7001:udp", 7002]);
    await opens(ours);
    await ip("link", "del", "eth7");
  });

  it("survives the removal of its interface, even if it returns as another kind: macvlan, tunnel, bridge", async () => {
    const ours = await start(["-i", "eth0,vl0"], SYSLOG + CONFIG("7000,7001:udp,7002"), { syslog: true });
    await ours.waitFor(() => /^waiting for vl0$/m.test(ours.stdout));
    const gone = (times: number) =>
      ours.waitFor(() => ours.stderr.split("vl0 is gone: waiting for it").length - 1 === times);
    const back = (times: number, address: string) =>
      ours.waitFor(() => logged(ours).match(new RegExp(`vl0.* listening at ${address}$`, "gm"))?.length === times);

    await ip("link", "add", "vl0", "link", "eth0", "address", MAC, "type", "macvlan", "mode", "bridge");
    await ip("link", "set", "vl0", "addrgenmode", "none");
    await ip("address", "add", "10.77.5.1/24", "dev", "vl0");
    await ip("link", "set", "vl0", "up");
    await back(1, "10.77.5.1");
    await sendTo5([7000, "7001:udp", 7002]);
    await opens(ours);
    await ip("link", "del", "vl0");
    await gone(1);

    const tun = await Tun.open(wire, "vl0");
    await ip("-6", "address", "flush", "dev", "vl0");
    await ip("address", "add", "10.77.5.1/24", "dev", "vl0");
    await back(2, "10.77.5.1");
    for (const knock of [7000, "7001:udp", 7002]) tun.write(frame(segmentTo5(knock), { link: "raw" }));
    await opens(ours, 2);
    tun.close();
    await gone(2);

    await ip("link", "add", "vl0", "type", "bridge");
    await ip("link", "set", "vl0", "up");
    await ours.waitFor(() => logged(ours).split("vl0 is back").length === 3);
    await ip("link", "del", "vl0");
    await gone(3);
    await knock(wire.server, [7000, "7001:udp", 7002]);
    await opens(ours, 3);
    assert.deepEqual(ours.commands(), ["open 10.77.5.2", "open 10.77.5.2", "open 10.77.0.2"]);
  });

  it("follows its interface down and up again", async () => {
    const ours = await start(["-i", "eth0"], SYSLOG + CONFIG("7000,7001:udp,7002"), { syslog: true });
    await ip("link", "set", "eth0", "down");
    await ours.waitFor(() => ours.stderr.includes("eth0 is down: waiting for it"));
    await ip("link", "set", "eth0", "up");
    await says(ours, "eth0 is up again");
    await knock(wire.server, [7000, "7001:udp", 7002]);
    await opens(ours);
    await ip("-6", "address", "add", "fd77::1/64", "dev", "eth0", "nodad"); // going down removed it
  });

  it("counts each knock once with any, although the kernel shows a packet of a macvlan twice", async () => {
    await ip("link", "add", "mv5", "link", "eth0", "address", MAC, "type", "macvlan", "mode", "bridge");
    await ip("address", "add", "10.77.5.1/24", "dev", "mv5");
    await ip("link", "set", "mv5", "up");
    for (const args of [
      ["-i", "any"],
      ["-i", "eth0,mv5"],
      ["-i", "eth0", "-i", "mv*"],
    ]) {
      // The same UDP port twice: an echo would count as the second knock. With a Target, all interfaces receive it.
      const config = CONFIG("7100:udp,7100:udp", "target = 10.77.5.1");
      const ours = await start(args, `${config}\n[plain]\nsequence = 7000\ncommand = echo plain >>$KNOCK_LOG\n`, {
        ready: "listening on ",
      });
      await sendTo5(["7100:udp"]);
      await ours.waitFor("10.77.5.2: door: Stage 1");
      await knock(wire.server, [7000]);
      await opens(ours);
      assert.deepEqual(ours.commands(), ["plain"], args.join(" "));
      await sendTo5(["7100:udp"]);
      await opens(ours, 2);
      assert.deepEqual(ours.commands(), ["plain", "open 10.77.5.2"]);
      await ours.stop();
    }
    await ip("link", "del", "mv5");
  });

  it("with any captures at an address that is added later, where 0.8 captures nothing at all", async () => {
    const ours = await start(["-i", "any"], SYSLOG + CONFIG("7000,7001:udp,7002"), {
      syslog: true,
      ready: "listening on any...",
    });
    const judge = await start(["-i", "any"], undefined, { ready: "listening on any..." }, "judge");
    await ip("address", "add", "10.77.0.7/24", "dev", "eth0");
    await says(ours, "10.77.0.7");
    await knock("10.77.0.7", [7000, "7001:udp", 7002]);
    await knock(wire.server6, [7000, "7001:udp", 7002]);
    await opens(ours, 2);
    assert.deepEqual(judge.commands(), []);
    await ip("address", "del", "10.77.0.7/24", "dev", "eth0");
  });

  it("with auto follows the default routes", async () => {
    const ours = await start(["-i", "auto"], SYSLOG + CONFIG("7000,7001:udp,7002"), {
      syslog: true,
      ready: "waiting for auto",
    });
    await knock(wire.server, [7000, "7001:udp", 7002]);
    await ip("route", "add", "default", "via", wire.client);
    await says(ours, "eth0 is there: listening at 10.77.0.1");
    assert.deepEqual(ours.commands(), []);
    await knock(wire.server, [7000, "7001:udp", 7002]);
    await opens(ours);
    await ip("route", "del", "default");
    await ours.waitFor(() => ours.stderr.includes("eth0 is no longer selected"));
    await ip("-6", "route", "add", "default", "via", wire.client6);
    await says(ours, "eth0 is back: listening at 10.77.0.1");
    await knock(wire.server6, [7000, "7001:udp", 7002]);
    await opens(ours, 2);
    await ip("-6", "route", "del", "default");
  });

  it("survives lost netlink messages by comparing the whole state", async () => {
    const ours = await start(["-i", "eth0"], SYSLOG + CONFIG("7000,7001:udp,7002"), { syslog: true });
    ours.signal("SIGSTOP");
    const lines = Array.from({ length: 4000 }, (_, i) => {
      const address = `10.77.${100 + (i % 50)}.${1 + Math.floor(i / 100)}/32`;
      return `address ${i % 100 < 50 ? "add" : "del"} ${address} dev eth0`;
    });
    const { status, stderr } = await wire.run("server", ["ip", "-force", "-batch", "-"], {
      input: `${lines.join("\n")}\n`,
    });
    assert.equal(status, 0, stderr);
    await ip("address", "add", "10.77.0.8/24", "dev", "eth0");
    ours.signal("SIGCONT");
    await says(ours, "10.77.0.8");
    await knock("10.77.0.8", [7000, "7001:udp", 7002]);
    await opens(ours);
    await ip("address", "del", "10.77.0.8/24", "dev", "eth0");
  });

  it("survives changes of MTU and MAC address", async () => {
    const ours = await start(["-i", "eth0"]);
    await ip("link", "set", "eth0", "mtu", "1400");
    await ip("link", "set", "eth0", "address", "02:77:00:00:00:99");
    await knock(wire.server, [7000]);
    await ip("link", "set", "eth0", "address", wire.serverMac);
    await knock(wire.server, [7000, "7001:udp", 7002]);
    await opens(ours);
    await clientIp("neigh", "flush", "dev", "eth0");
  });
});
