// Tests the warnings about doors that open a port without a command.
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { parseConfig } from "../src/config/parse.ts";
import { type AskFirewall, lintOpening } from "../src/lint/built-in-doors.ts";
import { lintNoCommand } from "../src/lint/no-command.ts";
import { lintSandbox } from "../src/lint/sandbox.ts";
import { Unit } from "../src/lint/systemd-unit.ts";
import type { FirewallTools } from "../src/setup/firewall-tools.ts";

const parse = (text: string) => parseConfig(text, "/k.conf", () => assert.fail());
const door = (name: string, lines: string) => `[${name}]\nsequence = 4001,1002,3003\n${lines}\n`;
const SSH = door("ssh", "open = tcp/22");
const OPEN: FirewallTools = { managers: [], plain: [], isPublished: false, verdict: { accepts: true, refuses: false } };
const CLOSED: FirewallTools = { ...OPEN, verdict: { accepts: false, refuses: true } };
const says =
  (tools: FirewallTools | undefined, marked = tools): AskFirewall =>
  ({ mark }) =>
    mark === undefined ? tools : marked;
const found = (text: string, ask = says(OPEN)) =>
  lintOpening(parse(text), ask).map(({ lint, line, text, hint }) => [lint, line, text, hint]);

describe("a built-in door", () => {
  it("causes no finding beside a firewall that leaves its port open", () => {
    assert.deepEqual(found(SSH), []);
    assert.deepEqual(lintNoCommand(parse(SSH)), []);
  });

  it("is reported if the host's own firewall also rejects the port", () => {
    assert.deepEqual(found(SSH, says(CLOSED)), [
      [
        "own-firewall",
        3,
        "/k.conf:3: [ssh] tcp/22: your own firewall refuses it too: a knock opens nothing",
        "Accept tcp port 22 in it (knockd's gate keeps it closed), or use Firewall = mark 0x100000.",
      ],
    ]);
    const hint = (managers: FirewallTools["managers"]) => found(SSH, says({ ...CLOSED, managers }))[0]![3];
    assert.equal(hint(["ufw"]), "Run: ufw allow 22/tcp (knockd's gate keeps it closed)");
    assert.match(
      `${hint(["firewalld"])}`,
      /^Run: firewall-cmd --permanent --add-port=22\/tcp && firewall-cmd --reload/,
    );
  });

  it("is checked at both ends of a range, and for IPv6 if clients can use it", () => {
    const range = door("mosh", "open = udp/60000-61000");
    const refuses = (wrong: (asked: Parameters<AskFirewall>[0]) => boolean) => (asked: Parameters<AskFirewall>[0]) =>
      wrong(asked) ? { ...CLOSED, managers: ["ufw"] as const } : OPEN;
    const whole = [
      "own-firewall",
      3,
      "/k.conf:3: [mosh] udp/60000-61000: your own firewall refuses it too: a knock opens nothing",
      "Run: ufw allow 60000:61000/udp (knockd's gate keeps it closed)",
    ];
    assert.deepEqual(
      found(
        range,
        refuses(({ port }) => port === 61_000),
      ),
      [whole],
    );
    assert.deepEqual(
      found(
        range,
        refuses(({ port }) => port === 60_000),
      ),
      [whole],
    );
    const ipv6 = refuses((asked) => asked.ipv6 === true);
    assert.deepEqual(found(SSH, ipv6), []);
    const [finding, ...more] = lintOpening(parse(SSH), ipv6, true);
    assert.match(finding!.text, /tcp\/22 by IPv6: your own firewall refuses it too/);
    assert.deepEqual(more, []);
  });

  it("is not reported if the rules are unclear, cannot be read, or do not see the port", () => {
    for (const tools of [
      undefined,
      { ...OPEN, verdict: undefined },
      { ...OPEN, verdict: { accepts: true, refuses: true } },
      { ...CLOSED, isPublished: true },
    ]) {
      assert.deepEqual(found(SSH, says(tools)), []);
    }
    assert.deepEqual(found(door("web", "open = tcp/80\ntarget = 10.77.0.9"), says(CLOSED)), []);
    assert.deepEqual(found(`[options]\nFirewall = set inet filter a b\n${SSH}`, says(CLOSED)), []);
  });

  describe("with a mark", () => {
    const MARK = `[options]\nFirewall = mark 0x100000\n${SSH}`;
    it("needs a firewall that closes the port and accepts the mark", () => {
      assert.deepEqual(found(MARK, says(CLOSED, OPEN)), []);
      assert.deepEqual(found(MARK, says(CLOSED)), [
        [
          "own-firewall",
          5,
          "/k.conf:5: [ssh] tcp/22: no rule of your own firewall accepts packets with mark 0x100000: a knock opens nothing",
          "Add a rule. nft: meta mark and 0x100000 == 0x100000 accept; iptables: -m mark --mark 0x100000/0x100000 -j ACCEPT",
        ],
      ]);
      const open6: AskFirewall = ({ ipv6, mark }) => (ipv6 || mark !== undefined ? OPEN : CLOSED);
      assert.deepEqual(lintOpening(parse(MARK), open6), []);
      assert.match(
        lintOpening(parse(MARK), open6, true)[0]!.text,
        /by IPv6: your own firewall accepts it from everyone/,
      );
      assert.deepEqual(found(MARK, says(OPEN)), [
        [
          "own-firewall",
          5,
          "/k.conf:5: [ssh] tcp/22: your own firewall accepts it from everyone: a mark closes nothing",
          "Remove the rule that accepts it, or use Firewall = gate.",
        ],
      ]);
    });

    it("is reported if Docker publishes the port, because nothing closes it", () => {
      const [[lint, , text]] = found(MARK, says({ ...CLOSED, isPublished: true })) as [[string, number, string]];
      assert.equal(lint, "own-firewall");
      assert.match(text, /Docker publishes it, and your INPUT rules never see it: a mark closes nothing$/);
    });

    it("is reported if the mark's bits are used by other programs", () => {
      for (const [mark, whose] of [
        ["0x40000", "Tailscale"],
        ["0x180000", "Tailscale"],
        ["0x8000", "Kubernetes"],
      ] as const) {
        const [[lint, line, text]] = found(`[options]\nFirewall = mark ${mark}\n${SSH}`, says(undefined)) as [
          [string, number, string],
        ];
        assert.deepEqual([lint, line], ["firewall-mark", 2]);
        assert.match(text, new RegExp(`mark ${mark} is a bit that ${whose} uses`));
      }
    });
  });

  it("is reported at the second door if two doors open a port for different times", () => {
    const two = (first: string, second: string) => found(door("a", first) + door("b", second));
    assert.deepEqual(two("open = tcp/22", "open = tcp/20-30\nfor = 2h"), [
      [
        "same-open",
        6,
        "/k.conf:6: [b] opens tcp/20-30 for 2 h, and [a] opens it for 30 s: a client that opens both gets the longer time",
        "Use the same `for`, or remove one of the doors.",
      ],
    ]);
    assert.match(`${two("open = tcp/22\nfor = until closed", "open = tcp/22")}`, /\[a\] opens it until it is closed/);
    assert.deepEqual(two("open = tcp/22", "open = tcp/22\nfor = 30"), []);
    assert.deepEqual(two("open = tcp/22", "open = udp/22\nfor = 2h"), []);
  });

  it("is reported if it lets everyone in without a knock", () => {
    for (const [allow, all] of [
      ["0.0.0.0/0", "0.0.0.0/0"],
      ["10.0.0.0/8,::/0", "::/0"],
      ["0.0.0.0/1,128.0.0.0/1", "0.0.0.0/1, 128.0.0.0/1"],
    ] as const) {
      const [[lint, line, text]] = found(`[options]\nGate_Allow = ${allow}\n${SSH}`) as [[string, number, string]];
      assert.deepEqual([lint, line], ["gate-allow", 2]);
      assert.ok(text.includes(`Gate_Allow ${all} lets everyone in without a knock`), text);
    }
    assert.deepEqual(found(`[options]\nGate_Allow = 10.0.0.0/8,fd00::/8\n${SSH}`), []);
  });

  it("is reported if the unit lacks CAP_NET_ADMIN", () => {
    const lints = (unit: string) => lintSandbox(parse(SSH), new Unit([unit])).map(({ lint, line }) => [lint, line]);
    assert.deepEqual(lints("[Service]\nCapabilityBoundingSet=CAP_NET_RAW\n"), [["sandbox", 3]]);
    assert.deepEqual(lints("[Service]\nCapabilityBoundingSet=CAP_NET_RAW CAP_NET_ADMIN\n"), []);
  });
});
