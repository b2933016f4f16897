// The time from the last SYN of a sequence until a connection succeeds, for a door with `open`. Compared with a door with our
// iptables command, and with rules that follow the sequence in the kernel alone, without a scan guard and without a log. Each
// has its own namespaces, and after each knock it is the next one's turn. The client tries to connect without a pause, on a
// processor of its own, as a client on another machine does.
import { type ChildProcess, spawn } from "node:child_process";
import { cpus } from "node:os";
import { createInterface } from "node:readline";
import { Daemon } from "../test/live/daemon.ts";
import { nft, serve } from "../test/live/gate-wire.ts";
import { Wire } from "../test/live/wire.ts";
import type { Bench, Family } from "./rounds.ts";
import { pinApart, unpin } from "./subject.ts";
import { ofRounds, percentile, type Row } from "./table.ts";

const PER_ROUND = 20;
const FIRST_ADDRESS = 10;
/** A busy loop that runs only while nothing else wants the processor, so that the processor never sleeps. It ends by itself. */
const LOOP = "i=0; while [ $i -lt 2000000000 ]; do i=$((i + 1)); done";
const AWAKE = ["chrt", "--idle", "0", "sh", "-c", LOOP] as const;
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

/** For each number that it reads, knocks from that address, 50 ms between knocks, and prints the milliseconds. */
const CLIENT = `
import socket, sys, time
server = sys.argv[1]
def begin(source, port):
    s = socket.socket()
    s.bind((source, 0))
    return s
for line in sys.stdin:
    source = "10.77.0.%d" % int(line)
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
            print((time.perf_counter() - begun) * 1000, flush=True)
            break
        except OSError: pass
        finally: t.close()
    else: print("not let in", flush=True)
    s.close()
`;

/** A client that waits for its turn. */
class Client {
  readonly #child: ChildProcess;
  readonly #lines: AsyncIterator<string>;

  constructor(wire: Wire) {
    this.#child = wire.spawn("client", ["python3", "-c", CLIENT, wire.server], { stdio: ["pipe", "pipe", "inherit"] });
    this.#lines = createInterface({ input: this.#child.stdout! })[Symbol.asyncIterator]();
  }

  /** Milliseconds from the last SYN until the client with this address is let in. */
  async knock(address: number): Promise<number> {
    this.#child.stdin!.write(`${address}\n`);
    const { value } = await this.#lines.next();
    if (!(Number(value) > 0)) throw new Error(`10.77.0.${address}: ${value}`);
    return Number(value);
  }

  end(): void {
    this.#child.stdin!.end();
  }
}

type Kind = "kernel" | "open" | "iptables" | "beside 50,000 networks";
type Times = ReadonlyMap<Kind, number[][]>;

export async function kernelDoors({ rounds }: Bench): Promise<Family> {
  const kinds: readonly Kind[] = ["kernel", "open", "iptables", "beside 50,000 networks"];
  const wires = new Map<Kind, Wire>();
  const daemons: Daemon[] = [];
  const [times, awake]: [Times, Times] = [
    new Map(kinds.map((kind) => [kind, []])),
    new Map(kinds.map((kind) => [kind, []])),
  ];
  try {
    for (const kind of kinds) {
      const wire = await Wire.open();
      wires.set(kind, wire);
      const last = FIRST_ADDRESS + 2 * rounds * PER_ROUND;
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
    const clients = kinds.map((kind) => [kind, new Client(wires.get(kind)!)] as const);
    let address = FIRST_ADDRESS;
    const oneRound = async (into: Times, some: readonly Kind[]) => {
      for (const kind of some) into.get(kind)!.push([]);
      for (let one = 0; one < PER_ROUND; one++, address++)
        for (const [kind, client] of clients)
          if (some.includes(kind))
            into
              .get(kind)!
              .at(-1)!
              .push(await client.knock(address));
    };
    for (let round = 0; round < rounds; round++) await oneRound(times, kinds);
    const spinning = spawn("taskset", ["-c", `1-${cpus().length - 1}`, ...AWAKE], { stdio: "ignore" });
    try {
      for (let round = 0; round < rounds; round++) await oneRound(awake, ["kernel", "open"]);
    } finally {
      spinning.kill();
    }
    for (const [, client] of clients) client.end();
  } finally {
    unpin();
    for (const daemon of daemons) await daemon.stop();
    for (const wire of wires.values()) await wire.close();
  }
  const p50 = (kind: Kind, of = times) => of.get(kind)!.map((all) => percentile(all, 50));
  const ratio = (a: Kind, b: Kind, of = times) => p50(a, of).map((value, round) => value / p50(b, of)[round]!);
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
      row("the same, while the daemon's processor is kept awake", ratio("open", "kernel", awake), 2),
      row("open = tcp/22 ÷ our iptables command", ratio("open", "iptables"), 0.2),
      row(
        "open = tcp/22 beside 50,000 networks and 1,000 rules ÷ without them",
        ratio("beside 50,000 networks", "open"),
        1.1,
      ),
    ],
  };
}
