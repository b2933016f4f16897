// Tests that what we say of a host's own firewall is what the kernel does: with real iptables, iptables-legacy, nft and
// ufw, and a real connection to each port.
import assert from "node:assert/strict";
import { afterEach, beforeEach, describe, it } from "node:test";
import { type FirewallTools, firewallTools } from "../../src/setup/firewall-tools.ts";
import { Host } from "./host.ts";
import { needsRoot } from "./wire.ts";

const OPEN = { accepts: true, refuses: false };
const CLOSED = { accepts: false, refuses: true };

/** Rules, and whether they let a stranger in at port 22. */
const IPTABLES: readonly (readonly [what: string, rules: readonly string[], isOpen: boolean])[] = [
  ["no rules", [], true],
  ["a policy", ["-P INPUT DROP"], false],
  ["the port's own rule before a policy", ["-P INPUT DROP", "-A INPUT -p tcp --dport 22 -j ACCEPT"], true],
  ["a range of ports", ["-P INPUT DROP", "-A INPUT -p tcp -m multiport --dports 80,20:30 -j ACCEPT"], true],
  ["another port", ["-P INPUT DROP", "-A INPUT -p tcp --dport 80 -j ACCEPT"], false],
  ["another protocol", ["-P INPUT DROP", "-A INPUT -p udp --dport 22 -j ACCEPT"], false],
  ["a LAN", ["-P INPUT DROP", "-A INPUT -s 192.168.0.0/16 -j ACCEPT"], false],
  ["all but a LAN", ["-P INPUT DROP", "-A INPUT ! -s 192.168.0.0/16 -p tcp --dport 22 -j ACCEPT"], true],
  [
    "a how-to's",
    [
      "-N KNOCKD",
      "-A INPUT -i lo -j ACCEPT",
      "-A INPUT -m conntrack --ctstate ESTABLISHED,RELATED -j ACCEPT",
      "-A INPUT -j KNOCKD",
      "-A INPUT -j REJECT",
    ],
    false,
  ],
  ["a state", ["-P INPUT DROP", "-A INPUT -p tcp -m state --state NEW --dport 22 -j ACCEPT"], true],
  ["a log line", ["-A INPUT -j LOG", "-A INPUT -p tcp --syn --dport 22 -j DROP"], false],
  ["what is no SYN", ["-A INPUT -p tcp ! --syn -j DROP"], true],
  ["the mark's rule", ["-P INPUT DROP", "-A INPUT -m mark --mark 0x100000/0x100000 -j ACCEPT"], false],
  [
    "a chain that returns, and one that it goes to",
    [
      "-N A",
      "-N B",
      "-A A -p tcp --dport 22 -j RETURN",
      "-A A -j DROP",
      "-A B -j ACCEPT",
      "-A INPUT -j A",
      "-A INPUT -g B",
      "-A INPUT -j DROP",
    ],
    true,
  ],
];

const NFT: readonly (readonly [what: string, chains: string, isOpen: boolean])[] = [
  ["a policy", "chain input { type filter hook input priority 0; policy drop; }", false],
  [
    "a set of ports",
    "chain input { type filter hook input priority 0; policy drop; tcp dport { 22, 80 } accept; }",
    true,
  ],
  ["a range", "chain input { type filter hook input priority 0; tcp dport 20-30 drop; }", false],
  [
    "Debian's own workstation",
    `chain input { type filter hook input priority 0; policy drop;
      ct state vmap { established : accept, related : accept, invalid : drop }
      iifname "lo" accept
      meta l4proto { icmp, ipv6-icmp } accept
      tcp dport vmap { 80 : drop, 22 : jump ssh }
    }
    chain ssh { ip saddr 192.168.0.0/16 drop; meta mark & 0x100000 == 0x100000 drop; counter accept; }
    `,
    true,
  ],
  [
    "two chains, of which the second refuses",
    `chain a { type filter hook input priority 0; tcp dport 22 accept; }
    chain b { type filter hook input priority 10; tcp flags & (fin | syn | rst | ack) == syn tcp dport 22 reject; }`,
    false,
  ],
  ["firewalld's DNAT", "chain input { type filter hook input priority 0; policy drop; ct status dnat accept; }", false],
  [
    "two LANs",
    "chain input { type filter hook input priority 0; policy drop; ip saddr { 192.168.0.0/16, 172.16.0.0/12 } accept; }",
    false,
  ],
  [
    "all but a port",
    "chain input { type filter hook input priority 0; policy drop; tcp dport != 80 ct state new accept; }",
    true,
  ],
];

describe("the existing firewall", { skip: needsRoot }, () => {
  let host: Host;
  beforeEach(async () => {
    host = await Host.open();
  });
  afterEach(() => host?.close());

  /** Runs it as knockctl would, on that host. */
  async function tools(legacy = false, port = 22): Promise<FirewallTools> {
    const said = new Map<string, { readonly stdout: string }>();
    for (const argv of [
      "iptables -S",
      "iptables -V",
      "iptables-legacy -S",
      "nft -j list ruleset",
      "iptables -t nat -S",
    ]) {
      if (argv.startsWith("iptables-legacy") && !legacy) continue;
      said.set(argv, await host.run(...argv.split(" ")));
    }
    return firewallTools({ protocol: "tcp", port }, (argv) => said.get(argv.join(" "))!, legacy);
  }
  const reached = async () => {
    const probe = `import socket\nsocket.create_connection(('${host.wire.server}', 22), 1).close()`;
    return (await host.wire.run("client", ["python3", "-c", probe])).status === 0;
  };

  for (const kind of ["iptables-nft", "iptables-legacy"] as const) {
    it(`${kind}: is evaluated as by the kernel`, async () => {
      const program = kind === "iptables-nft" ? "iptables" : kind;
      for (const [what, rules, isOpen] of IPTABLES) {
        for (const rule of rules) await host.ok(`${program} ${rule}`);
        const found = await tools(kind === "iptables-legacy");
        assert.deepEqual(found.verdict, isOpen ? OPEN : CLOSED, what);
        assert.equal(await reached(), isOpen, what);
        assert.deepEqual(found.managers, []);
        assert.deepEqual(found.plain, rules.length === 0 ? [] : [kind], what);
        await host.ok(`${program} -P INPUT ACCEPT; ${program} -F; ${program} -X`);
      }
    });
  }

  it("nft: is evaluated as by the kernel", async () => {
    for (const [what, chains, isOpen] of NFT) {
      await host.ok(`nft -f - <<'END'\ntable inet mine {\n${chains}\n}\nEND`);
      const found = await tools();
      assert.deepEqual(found.verdict, isOpen ? OPEN : CLOSED, what);
      assert.equal(await reached(), isOpen, what);
      assert.deepEqual(found.plain, ["nft"], what);
      await host.ok("nft flush ruleset");
    }
  });

  it("counts as unclear if it cannot be evaluated", async () => {
    await host.ok("iptables -P INPUT DROP && iptables -A INPUT -i eth0 -p tcp --dport 22 -j ACCEPT");
    assert.deepEqual((await tools()).verdict, { accepts: true, refuses: true });
  });

  it("ufw: is recognised, and evaluated as by the kernel", async () => {
    const ufw = (...words: readonly string[]) => words.map((word) => `ufw ${word}`).join(" && ");
    await host.ok(`for folder in /etc/ufw /lib/ufw /etc/default; do
  mkdir -p "/run/of$folder" && cp -a "$folder/." "/run/of$folder/" && mount --bind "/run/of$folder" "$folder" || exit 1
done`);
    for (const [words, isOpen] of [
      [["--force enable"], false],
      [["allow from 192.168.0.0/16 to any port 22"], false],
      [["limit 22/tcp"], undefined],
      [["delete limit 22/tcp", "allow 22/tcp"], true],
      [["deny 22/tcp"], false],
    ] as const) {
      await host.ok(ufw(...words));
      const { managers, plain, verdict } = await tools();
      assert.deepEqual([managers, plain], [["ufw"], []]);
      assert.deepEqual(
        verdict,
        isOpen === undefined ? { accepts: true, refuses: true } : isOpen ? OPEN : CLOSED,
        `${words}`,
      );
      assert.equal(await reached(), isOpen ?? true, `${words}`);
    }
  });

  it("does not include our own table or those of Docker and ufw; a published port does not pass INPUT", async () => {
    await host.ok(
      "nft -f - <<'END'\ntable inet knockd { chain gate { type filter hook input priority 0; tcp dport 22 drop; }; }\nEND",
    );
    for (const rule of [
      "-N DOCKER",
      "-A DOCKER ! -i docker0 -p tcp -m tcp --dport 8080 -j DNAT --to-destination 172.17.0.2:80",
    ])
      await host.ok(`iptables -t nat ${rule}`);
    const { managers, plain, isPublished, verdict } = await tools();
    assert.deepEqual(
      { managers, plain, isPublished, verdict },
      { managers: [], plain: [], isPublished: false, verdict: OPEN },
    );
    assert.equal((await tools(false, 8080)).isPublished, true);
  });
});
