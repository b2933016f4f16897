// Tests doors that the kernel opens on hosts with other firewalls: the gate, the mark and the user's own sets, with
// nft, iptables-nft, iptables-legacy and ufw; UDP, ports that DNAT redirects, and a fragmented SYN.
import assert from "node:assert/strict";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, afterEach, before, describe, it } from "node:test";
import { frame } from "../frame.ts";
import { until } from "../time-limit.ts";
import { Daemon } from "./daemon.ts";
import { connect, elements, keys, knock, nft, serve } from "./gate-wire.ts";
import { needsRoot, repo, Wire } from "./wire.ts";

const OTHER = "10.77.0.3";
const KNOCKS = [7000, 8000, 9000];
const DOOR = "[openSSH]\nsequence = 7000,8000,9000\nopen = tcp/22\nfor = 1h\n";
const MARK = `[options]\nFirewall = mark 0x100000\n${DOOR}`;
const SET = `[options]\nFirewall = set inet filter knocked4 knocked6\n${DOOR}`;

/** The rules of the how-to. Packets with the mark are let in as well. */
const HOW_TO = (tool: string, accept: string) => `
${tool} -A INPUT -i lo -j ACCEPT
${tool} -A INPUT -m conntrack --ctstate ESTABLISHED,RELATED -j ACCEPT
${accept}
${tool} -A INPUT -j REJECT
`;
const MARKED = (tool: string) => `${tool} -A INPUT -m mark --mark 0x100000/0x100000 -j ACCEPT`;
const NFT = (accept: string) => `
table inet filter {
  set knocked4 { type ipv4_addr . inet_proto . inet_service; flags timeout; }
  set knocked6 { type ipv6_addr . inet_proto . inet_service; flags timeout; }
  chain input {
    type filter hook input priority filter; policy drop;
    iif lo accept
    ct state established,related accept
    ${accept}
  }
}
`;
/** The files are copies. They disappear with the last process of this mount namespace. */
const UFW = `
set -e
dir=$1
mount --make-rprivate /
for folder in /etc/ufw /lib/ufw /etc/default; do
  if [ ! -d "$dir$folder" ]; then mkdir -p "$dir$folder"; cp -a "$folder/." "$dir$folder/"; fi
  mount --bind "$dir$folder" "$folder"
done
mount -t tmpfs -o mode=755,size=1m private-run /run
`;

describe("built-in doors beside", { skip: needsRoot }, () => {
  let wire: Wire;
  let daemon: Daemon | undefined;

  before(async () => {
    wire = await Wire.open();
    await wire.run("client", ["ip", "address", "add", `${OTHER}/24`, "dev", "eth0"]);
    await serve(wire, [22, 8022]);
  });
  after(() => wire?.close());
  afterEach(async () => {
    await daemon?.stop();
    daemon = undefined;
    for (const tool of ["iptables", "iptables-legacy"])
      await sh(`${tool} -F; ${tool} -X; ${tool} -t nat -F; ${tool} -P INPUT ACCEPT`);
    await sh("nft flush ruleset");
  });

  async function sh(script: string): Promise<string> {
    const { stdout, stderr } = await wire.run("server", ["sh", "-c", script], { timeoutMs: 60_000 });
    return stdout + stderr;
  }

  async function start(config: string): Promise<Daemon> {
    daemon = await Daemon.start(wire, "ours", config);
    return daemon;
  }

  /** By the time that the daemon answers, the reload is over. */
  async function reload(running: Daemon): Promise<void> {
    running.signal("SIGHUP");
    await running.waitFor("re-reading config file");
    const program = [process.execPath, join(repo, "dist/src/knockctl.js")];
    await wire.run("server", [...program, "doors", "-c", running.configPath]);
  }

  /** Only the client that has knocked gets in, until its door is closed, also after a reload. */
  async function opensForOne(config: string, outside?: "silence"): Promise<Daemon> {
    const running = await start(config);
    assert.ok(outside === undefined ? (await connect(wire, 22)) !== "in" : (await connect(wire, 22)) === outside);
    await knock(wire, KNOCKS);
    await running.waitFor("opened tcp/22");
    for (const isReloaded of [false, true]) {
      if (isReloaded) await reload(running);
      assert.equal(await connect(wire, 22), "in");
      const other = await connect(wire, 22, { from: OTHER });
      assert.ok(outside === undefined ? other !== "in" : other === outside, other);
    }
    assert.equal(running.stderr, "");
    return running;
  }

  for (const tool of ["iptables", "iptables-legacy"]) {
    it(`${tool} and the how-to's rules: with the gate if they admit the port, with the mark if they do not`, async () => {
      await sh(HOW_TO(tool, `${tool} -A INPUT -p tcp --dport 22 -j ACCEPT`));
      await opensForOne(DOOR);
      await daemon!.stop();
      await sh(`nft delete table inet knockd; ${tool} -F`);
      await sh(HOW_TO(tool, MARKED(tool)));
      await opensForOne(MARK);
      // It fails closed: without its table no client gets in.
      await daemon!.stop();
      await sh("nft delete table inet knockd");
      assert.notEqual(await connect(wire, 22), "in"); // iptables' own answer is rate-limited
    });
  }

  it("nft: with the gate, with the mark, and with the user's own sets", async () => {
    await nft(wire, NFT("tcp dport 22 accept"));
    await opensForOne(DOOR);
    await daemon!.stop();
    await sh("nft flush ruleset");
    await nft(wire, NFT("meta mark and 0x100000 == 0x100000 accept"));
    await opensForOne(MARK, "silence");
    await daemon!.stop();
    await sh("nft flush ruleset");
    await nft(wire, NFT("ip saddr . meta l4proto . th dport @knocked4 accept"));
    const running = await opensForOne(SET, "silence");
    const [open] = (await elements(wire, "knocked4", "inet filter"))!;
    assert.deepEqual([open!.key, open!.comment], ["10.77.0.2 tcp 22", "openSSH"]);
    assert.ok(open!.expires! > 600 && open!.expires! <= 3600);
    assert.equal(await keys(wire, "open4"), undefined, "there is no table of ours");
    await running.stop();
    assert.deepEqual(await keys(wire, "knocked4", "inet filter"), []);
  });

  it("the user's own sets after a reload of the rules emptied them: open doors are open again", async () => {
    const rules = NFT("ip saddr . meta l4proto . th dport @knocked4 accept");
    await nft(wire, rules);
    const running = await opensForOne(SET, "silence");
    await nft(wire, `flush ruleset\n${rules}`);
    await running.waitFor(() => running.stderr.includes("firewall: the table was removed: rebuilt, with 1 open door"));
    assert.deepEqual(await keys(wire, "knocked4", "inet filter"), ["10.77.0.2 tcp 22"]);
    assert.equal(await connect(wire, 22), "in");
    await nft(wire, "flush ruleset\n");
    await knock(wire, KNOCKS, OTHER);
    const why = `${OTHER}: openSSH: could not open tcp/22: the table or the set is gone (ENOENT)`;
    await running.waitFor(() => running.stderr.includes(why));
  });

  it("another set of 50,000 networks and 1,000 rules", async () => {
    const networks = Array.from(
      { length: 50_000 },
      (_, i) => `172.${16 + (i >> 12)}.${(i >> 4) & 255}.${(i & 15) << 4}/28`,
    );
    const rules = Array.from({ length: 1000 }, (_, i) => `ip saddr 198.51.${i >> 8}.${i & 255} drop`);
    await nft(
      wire,
      `table ip big {
      set networks { type ipv4_addr; flags interval; elements = { ${networks.join(",")} }; }
      chain input { type filter hook input priority 10; ip saddr @networks drop\n${rules.join("\n")}\n}
    }`,
    );
    await opensForOne(DOOR);
  });

  it("ufw: with the gate, with the mark, and after its reload", async () => {
    const dir = join(wire.dir, "ufw");
    mkdirSync(dir, { recursive: true });
    const ufw = (commands: string) =>
      wire.run("server", ["unshare", "-m", "sh", "-c", `${UFW}\n${commands}`, "sh", dir], { timeoutMs: 120_000 });
    assert.equal((await ufw("ufw --force enable && ufw allow 22/tcp")).status, 0);
    await opensForOne(DOOR);
    assert.equal((await ufw("ufw reload")).status, 0);
    assert.equal(await connect(wire, 22), "in");
    assert.equal(await connect(wire, 22, { from: OTHER }), "refused");
    await daemon!.stop();
    await sh("nft delete table inet knockd");
    const rule = "-A ufw-before-input -m mark --mark 0x100000/0x100000 -j ACCEPT";
    assert.equal(
      (await ufw(`ufw delete allow 22/tcp && sed -i 's|^COMMIT|${rule}\\nCOMMIT|' /etc/ufw/before.rules && ufw reload`))
        .status,
      0,
    );
    await opensForOne(MARK, "silence");
    await ufw("ufw --force disable");
  });

  it("DNAT, as Docker publishes a port: it is guarded under the number that clients use", async () => {
    await sh("iptables -t nat -A PREROUTING -p tcp --dport 2222 -j REDIRECT --to-ports 8022");
    const running = await start(DOOR.replace("tcp/22", "tcp/2222"));
    assert.equal(await connect(wire, 2222), "refused");
    await knock(wire, KNOCKS);
    await running.waitFor("opened tcp/2222");
    assert.equal(await connect(wire, 2222), "in");
    assert.equal(await connect(wire, 8022, { from: OTHER }), "in", "another port is not guarded");
  });

  it("a VRF: its addresses are guarded, and a client that has knocked gets in", async (t) => {
    const own = await Wire.open();
    t.after(() => own.close());
    const run = async (script: string) => {
      const { status, stdout, stderr } = await own.run("server", ["sh", "-c", script], { timeoutMs: 60_000 });
      return { status, said: stdout + stderr };
    };
    const vrf = await run("ip link add blue type vrf table 10");
    if (vrf.said.includes("Unknown device type")) return t.skip("this kernel has no VRF");
    await serve(own, [22]);
    const setUp = `ip link set blue up && ip link set eth0 master blue && ip address add 10.77.9.1/32 dev blue
      ip address add ${own.server6}/64 dev eth0 nodad; sysctl -qw net.ipv4.tcp_l3mdev_accept=1`;
    assert.equal((await run(setUp)).said, "");
    await own.run("client", ["ip", "route", "add", "10.77.9.0/24", "via", own.server]);
    const pairs = [own.server, "10.77.9.1", own.server6].map((to) => ({
      from: to.includes(":") ? own.client6 : own.client,
      to,
    }));
    const all = () => Promise.all(pairs.map((pair) => connect(own, 22, pair)));
    assert.deepEqual(await all(), ["in", "in", "in"]);

    const config = join(own.dir, "vrf.conf");
    writeFileSync(config, DOOR);
    const gate = await run(`${process.execPath} ${join(repo, "dist/src/knockd.js")} --gate -c ${config}`);
    assert.equal(gate.said, "gate: closed tcp/22\n");
    assert.ok(!(await all()).includes("in"));
    await run(`nft add element inet knockd open4 '{ ${own.client} . tcp . 22 timeout 1h }'`);
    assert.deepEqual((await all()).slice(0, 2), ["in", "in"]);
  });

  it("UDP: an existing conversation continues when the door is closed, a new one is refused", async () => {
    const echo = `import socket\ns = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)\ns.bind(("0.0.0.0", 5353))\nwhile True:\n  d, a = s.recvfrom(99)\n  s.sendto(d, a)`;
    wire.spawn("server", ["python3", "-c", echo], { stdio: "ignore" });
    await until(async () => (await sh("ss -lun")).includes(":5353 "), 10_000);
    const ask = async (port: number): Promise<string> => {
      const script = `import socket\ns = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)\ns.settimeout(1)\ns.bind(("${wire.client}", ${port}))\ns.connect(("${wire.server}", 5353))\ntry:\n  s.send(b"x"); print(s.recv(9).decode())\nexcept Exception as e: print(type(e).__name__)`;
      return (await wire.run("client", ["python3", "-c", script])).stdout.trim();
    };
    const running = await start(DOOR.replace("tcp/22", "udp/5353").replace("1h", "2s"));
    assert.equal(await ask(4001), "ConnectionRefusedError");
    await knock(wire, KNOCKS);
    await running.waitFor("opened udp/5353");
    assert.equal(await ask(4002), "x");
    await running.waitFor("openSSH: closed");
    assert.equal(await ask(4002), "x");
    assert.equal(await ask(4003), "ConnectionRefusedError");
  });

  it("UDP: a service receives no broadcast of an unknown host, no packet to all nodes, and nothing untracked", async () => {
    const service = `import socket\ns = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)\ns.bind(("::", 5354))\nwhile True: print(s.recv(99).decode(), flush=True)`;
    let said = "";
    const lines = () => said.split("\n").slice(0, -1);
    const process = wire.spawn("server", ["python3", "-c", service], { stdio: ["ignore", "pipe", "ignore"] });
    process.stdout!.on("data", (text) => (said += text));
    await until(async () => (await sh("ss -lun")).includes(":5354 "), 10_000);
    const sending = `import socket, sys
def send(family, to, word):
    s = socket.socket(family, socket.SOCK_DGRAM)
    if family == socket.AF_INET: s.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
    s.sendto((word + sys.argv[1]).encode(), to)
send(socket.AF_INET, ("${wire.server}", 5354), "unicast ")
send(socket.AF_INET, ("10.77.0.255", 5354), "broadcast ")
send(socket.AF_INET6, ("ff02::1", 5354, 0, socket.if_nametoindex("eth0")), "all nodes ")
`;
    const send = (word: string) => wire.run("client", ["python3", "-c", sending, word]);
    const ends = async (word: string) => {
      assert.equal((await send(word)).stderr, "");
      assert.ok(await until(() => lines().includes(`all nodes ${word}`), 5000));
    };
    await ends("before");
    const running = await start(DOOR.replace("tcp/22", "udp/5354"));
    await send("guarded");
    await nft(
      wire,
      "table inet raw { chain p { type filter hook prerouting priority -300; udp dport 5354 notrack; }; }",
    );
    await send("untracked");
    await running.stop();
    await sh("nft delete table inet knockd");
    await ends("after");
    assert.deepEqual(
      lines().filter((words) => !/before|after/.test(words)),
      [],
    );
    assert.equal(lines().length, 6, said);
  });

  it("fragments: a SYN whose flags are in the second fragment does not pass the gate", async () => {
    await nft(wire, "table inet judge { chain in { type filter hook input priority 100; tcp dport 22 counter; }; }");
    const arrived = async () => Number(/packets (\d+)/.exec(await sh("nft list table inet judge"))![1]);
    const syn = (sourcePort: number) =>
      frame({ from: wire.client, to: wire.server, protocol: "tcp", port: 22, sourcePort, flags: ["syn"] });
    await wire.send(inPieces(syn(40_001)));
    await until(async () => (await arrived()) > 0, 5000);
    assert.ok((await arrived()) > 0, "without a gate it arrives, in pieces");
    await start(DOOR);
    const before = await arrived();
    await wire.send(inPieces(syn(40_002)));
    assert.equal(await connect(wire, 8022), "in"); // it would have arrived by now
    assert.equal(await arrived(), before);
  });

  it("an unusable set of the user's own: knockd does not start, and says what to do", async () => {
    const refused = async (rules: string, why: RegExp) => {
      await sh("nft flush ruleset");
      if (rules !== "") await nft(wire, rules);
      await assert.rejects(start(SET), why);
    };
    await refused("", /there is no set `inet filter knocked4`\nTo add it: nft add set inet filter knocked4 /);
    await refused(NFT("").replace(/flags timeout;/g, ""), /the set `inet filter knocked4` has no timeouts/);
    await refused(
      NFT("").replace("ipv4_addr . inet_proto . ", "ipv4_addr . "),
      /`inet filter knocked4` has another key/,
    );
    // The set that is suggested can be used.
    await sh("nft flush ruleset");
    await nft(wire, "table inet filter { }\n");
    for (const set of ["knocked4", "knocked6"]) {
      const error = await start(SET).catch(({ message }: Error) => message);
      assert.ok(typeof error === "string");
      const [, command] = /To add it: (nft add set .*)/.exec(error)!;
      assert.ok(command!.includes(set));
      await sh(command!);
    }
    await start(SET);
    assert.ok(!readFileSync(`/proc/${daemon!.pid}/cmdline`, "utf8").includes("nft"));
  });
});

/**
 * Splits an Ethernet frame with IPv4 into a fragment with the first eight bytes of its payload, and one with the rest.
 */
function inPieces(whole: Buffer): { at: number; frame: Buffer }[] {
  const [ethernet, ip] = [14, 20];
  const [head, payload] = [whole.subarray(0, ethernet + ip), whole.subarray(ethernet + ip)];
  const piece = (offset: number, more: boolean, body: Buffer): Buffer => {
    const out = Buffer.concat([head, body]);
    out.writeUInt16BE(ip + body.length, ethernet + 2);
    out.writeUInt16BE(0x4711, ethernet + 4);
    out.writeUInt16BE((more ? 0x2000 : 0) | offset, ethernet + 6);
    out.writeUInt16BE(0, ethernet + 10);
    let sum = 0;
    for (let at = 0; at < ip; at += 2) sum += out.readUInt16BE(ethernet + at);
    while (sum > 0xffff) sum = (sum & 0xffff) + (sum >>> 16);
    out.writeUInt16BE(~sum & 0xffff, ethernet + 10);
    return out;
  };
  return [
    { at: 0, frame: piece(0, true, payload.subarray(0, 8)) },
    { at: 0.01, frame: piece(1, false, payload.subarray(8)) },
  ];
}
