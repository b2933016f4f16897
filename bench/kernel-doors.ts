// The time from the last SYN of a sequence until a connection succeeds, for a door with `open`. Compared with a door with our
// iptables command, and with rules that follow the sequence in the kernel alone, without a scan guard and without a log. All
// run in turns, each in its own namespaces. The client tries to connect without a pause, on a processor of its own, as a
// client on another machine does.
import { Daemon } from "../test/live/daemon.ts";
import { nft, serve } from "../test/live/gate-wire.ts";
import { Wire } from "../test/live/wire.ts";
import type { Bench, Family } from "./rounds.ts";
import { pinApart, unpin } from "./subject.ts";
import { ofRounds, percentile, type Row } from "./table.ts";

const PER_ROUND = 30;
const FIRST_ADDRESS = 10;
const SEQUENCE = "[ssh]\nsequence = 7000,8000,9000\n";
const ACCEPT = "/usr/sbin/iptables -I INPUT 1 -s %IP% -p tcp --dport 22 -j ACCEPT";

const FLOOR = `table inet floor {
  set first { type ipv4_addr; flags dynamic,timeout; timeout 10s; }
  set second { type ipv4_addr; flags dynamic,timeout; timeout 10s; }
  set open { type ipv4_addr; flags dynamic,timeout; timeout 30s; }
  chain pre { type filter hook prerouting priority -150;
    tcp dport 22 tcp flags & (fin|syn|rst|ack) == syn ip saddr != @open reject with tcp reset
    tcp dport 7000 add @first { ip saddr }
    tcp dport 8000 ip saddr @first add @second { ip saddr }
    tcp dport 9000 ip saddr @second add @open { ip saddr }
  }
}`;

const BIG = `table ip big {
  set networks { type ipv4_addr; flags interval; elements = { ${Array.from({ length: 50_000 }, (_, i) => `172.${16 + (i >> 12)}.${(i >> 4) & 255}.${(i & 15) << 4}/28`).join(",")} }; }
  chain input { type filter hook input priority 10; ip saddr @networks drop
  ${Array.from({ length: 1000 }, (_, i) => `ip saddr 198.51.${i >> 8}.${i & 255} drop`).join("\n")}
  }
}`;

/** Knocks from one address after another, 50 ms between knocks, and prints the milliseconds of each. */
const CLIENT = `
import socket, sys, time
server, first, count = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
def begin(source, port):
    s = socket.socket()
    s.bind((source, 0))
    return s
for n in range(first, first + count):
    source = "10.77.0.%d" % n
    for port in (7000, 8000, 9000):
        s = begin(source, port)
        s.setblocking(False)
        begun = time.perf_counter()
        s.connect_ex((server, port))
        if port != 9000: time.sleep(0.05)
    for tries in range(20000):
        t = begin(source, 22)
        t.settimeout(2)
        try:
            t.connect((server, 22))
            print((time.perf_counter() - begun) * 1000)
            break
        except OSError: pass
        finally: t.close()
    s.close()
`;

type Kind = "kernel" | "open" | "iptables" | "beside 50,000 networks";

export async function kernelDoors({ rounds }: Bench): Promise<Family> {
  const kinds: readonly Kind[] = ["kernel", "open", "iptables", "beside 50,000 networks"];
  const wires = new Map<Kind, Wire>();
  const daemons: Daemon[] = [];
  const times = new Map<Kind, number[][]>(kinds.map((kind) => [kind, []]));
  try {
    for (const kind of kinds) {
      const wire = await Wire.open();
      wires.set(kind, wire);
      const last = FIRST_ADDRESS + rounds * PER_ROUND;
      const add = `for n in $(seq ${FIRST_ADDRESS} ${last}); do ip address add 10.77.0.$n/24 dev eth0; done`;
      await wire.run("client", ["sh", "-c", add]);
      await serve(wire, [22]);
      if (kind === "kernel") await nft(wire, FLOOR);
      if (kind === "beside 50,000 networks") await nft(wire, BIG);
      if (kind === "iptables")
        await wire.run("server", [
          "iptables",
          "-A",
          "INPUT",
          "-p",
          "tcp",
          "--dport",
          "22",
          "--syn",
          "-j",
          "REJECT",
          "--reject-with",
          "tcp-reset",
        ]);
      if (kind === "kernel") continue;
      const opens = kind === "iptables" ? `start_command = ${ACCEPT}\n` : "open = tcp/22\nfor = 10m\n";
      const daemon = await Daemon.start(wire, "ours", SEQUENCE + opens);
      pinApart(daemon);
      daemons.push(daemon);
    }
    for (let round = 0; round < rounds; round++) {
      for (const kind of kinds) {
        const wire = wires.get(kind)!;
        const from = FIRST_ADDRESS + round * PER_ROUND;
        const argv = ["python3", "-c", CLIENT, wire.server, `${from}`, `${PER_ROUND}`];
        const { stdout, stderr } = await wire.run("client", argv, { timeoutMs: 60_000 });
        const all = stdout.trim().split("\n").map(Number);
        if (all.length !== PER_ROUND) throw new Error(`${kind}: ${all.length} of ${PER_ROUND} got in: ${stderr}`);
        times.get(kind)!.push(all);
      }
    }
  } finally {
    unpin();
    for (const daemon of daemons) await daemon.stop();
    for (const wire of wires.values()) await wire.close();
  }
  const p50 = (kind: Kind) => times.get(kind)!.map((all) => percentile(all, 50));
  const ratio = (a: Kind, b: Kind) => p50(a).map((value, round) => value / p50(b)[round]!);
  const row = (what: string, values: readonly number[], most?: number): Row => ({
    what,
    figures: { ours: ofRounds(values) },
    ...(most !== undefined && { reach: { most } }),
  });
  return {
    rows: [
      row("last SYN until a connection succeeds, p50, ms: kernel alone", p50("kernel")),
      row("the same: open = tcp/22", p50("open")),
      row("the same: our iptables command", p50("iptables")),
      row("open = tcp/22 ÷ kernel alone", ratio("open", "kernel"), 2),
      row("open = tcp/22 ÷ our iptables command", ratio("open", "iptables"), 0.2),
      row(
        "open = tcp/22 beside 50,000 networks and 1,000 rules ÷ without them",
        ratio("beside 50,000 networks", "open"),
        1.1,
      ),
    ],
  };
}
