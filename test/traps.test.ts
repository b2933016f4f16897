// Tests the traps that `knockctl check` warns of: each with configs that fall into it, and with similar ones that do
// not.
import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, describe, it } from "node:test";
import type { Lint } from "../src/lint/finding.ts";
import { type Host, lint } from "../src/lint/lint.ts";

const IPV6_HOST: Host = {
  interfaces: {
    links: [
      { index: 1, name: "lo", up: true },
      { index: 2, name: "eth0", up: true, altnames: ["a-name-of-more-than-fifteen-letters"] },
    ],
    addresses: [
      { index: 1, address: "::1" },
      { index: 2, address: "fd00::5" },
    ],
    defaults: [],
  },
  ports: { listening: undefined, ephemeral: { low: 32_768, high: 60_999 } },
  defaults: { file: "/nonexistent", lines: [], options: [] },
};
const IPV4_HOST: Host = {
  ...IPV6_HOST,
  interfaces: {
    ...IPV6_HOST.interfaces,
    addresses: [
      { index: 1, address: "::1" },
      { index: 2, address: "10.0.0.5" },
    ],
  },
};

/** Addresses that every host with IPv4 alone has: no distant client can knock there. */
const LINK_LOCAL_HOST: Host = {
  ...IPV4_HOST,
  interfaces: { ...IPV4_HOST.interfaces, addresses: [{ index: 2, address: "fe80::1" }] },
};

const SEQUENCE = "sequence = 4001,1002,3003\n";
const door = (more: string, name = "a") => `[${name}]\n${SEQUENCE}${more}\n`;
const OPENS = "command = /bin/true; iptables -A INPUT -s %IP% -j ACCEPT";

interface Trap {
  readonly lint: Lint;
  /** With the line that is named. */
  readonly has: readonly (readonly [config: string, line: number, host?: Host])[];
  readonly hasNot: readonly (readonly [config: string, host?: Host])[];
}

const TRAPS: readonly Trap[] = [
  {
    lint: "tcpflags",
    has: [
      [door("tcpflags = syn,ack"), 3],
      [door("TCPFlags = syn, rst"), 3],
      [door("tcpflags = syn\ntcpflags = ack"), 4],
      ["[a]\nsequence = 4001:udp,1002\ntcpflags = ack,syn,!fin\n", 3],
    ],
    hasNot: [
      [door("tcpflags = syn")],
      [door("tcpflags = syn,!ack,!rst")],
      [door("tcpflags = fin")],
      [door("tcpflags = ack")],
      [door("tcpflags = syn,ack\ntcpflags = !ack")],
      ["[a]\nsequence = 4001:udp,1002:udp,3003:udp\ntcpflags = syn,ack\n"],
    ],
  },
  {
    lint: "given-twice",
    has: [
      [door("command = /bin/true\ncommand = /bin/false"), 3],
      [door("start_command = /bin/true\nCommand = /bin/false"), 3],
      [door("seq_timeout = 5\ntimeout = 6"), 3],
      ["[a]\nsequence = 4001,1002,3003\nsequence = 4002,1002,3003\n", 2],
      ["[options]\nLogFile = /a\n[options]\nLogFile = /b\n", 2],
      ["[options]\nInterface = eth0\n[options]\nInterface = eth1\n", 4], // the first counts
    ],
    hasNot: [
      [door("tcpflags = syn\ntcpflags = !ack")],
      [door("command = /bin/true\ncommand = /bin/true")],
      [door("command = /bin/true\ncommand_6 = /bin/false")],
      [`${door("command = /bin/true")}${door("command = /bin/false")}`],
    ],
  },
  {
    lint: "no-command",
    has: [
      [door(""), 2],
      [door("command =\nstop_command ="), 2],
      [door("command = # /bin/true"), 2],
      [door("stop_command = x"), 3],
      [door("command =\nstop_command_6 = x"), 4],
      [door("open = tcp/22\nstop_command = x"), 4],
    ],
    hasNot: [
      [door("command = x")],
      [door("command_6 = x")],
      [door("command_6 = x\nstop_command = x")],
      [door("open = tcp/22")],
    ],
  },
  {
    lint: "cmd-timeout",
    has: [
      [door("command = /bin/true\ncmd_timeout = 30"), 4],
      [door("cmd_timeout = 30\nstop_command ="), 3],
    ],
    hasNot: [
      [door("command = /bin/true")],
      [door("cmd_timeout = 30\nstop_command = /bin/true")],
      [door("cmd_timeout = 30\nstop_command_6 = /bin/true")],
    ],
  },
  {
    lint: "sleep",
    has: [
      [door("command_timeout = 60\ncommand = /bin/true; sleep 60; /bin/true"), 4],
      [`[options]\ncommand_timeout = 60\n${door("command = true && /bin/sleep 2m && true")}`, 5],
      [door("command = sleep 30; sleep 40; true\ncommand_timeout = 60"), 3],
      [door("command_timeout = 60\ncommand = logger \"it is open\"; sleep 75; logger 'it is shut'"), 4],
      [door("command_timeout = 60\nstop_command = sleep infinity; true"), 4],
      [door("command_timeout = 60\ncommand = /bin/bash -c 'true; sleep 75; true'"), 4],
      [door('command_timeout = 60\ncommand = sh -c "true; sleep 75; true"'), 4],
      [door("command_timeout = 60\ncommand = (true; sleep 75; true)"), 4],
      [door("command_timeout = 60\ncommand = { true; sleep 75; true; }"), 4],
    ],
    hasNot: [
      [door("command = /bin/true; sleep 75; /bin/true")],
      [door("command_timeout = 0\ncommand = sleep 75; true")],
      [`[options]\ncommand_timeout = 60\n${door("command_timeout = 90\ncommand = sleep 75; true")}`],
      [door("command_timeout = 60\ncommand = sleep 59; true")],
      [door("command_timeout = 60\ncommand = true; sleep 75")],
      [door("command_timeout = 60\ncommand = sleep 75 & true")],
      [door("command_timeout = 60\ncommand = true || sleep 75; true")],
      [door("command_timeout = 60\ncommand = echo sleep 75; true")],
      [door("command_timeout = 60\ncommand = logger 'x; sleep 75; y'; true")],
      [door("command_timeout = 60\ncommand = sleep $TIME; true")],
      [door("command_timeout = 60\ncommand = (true; sleep 75; true) &")],
      [door("command_timeout = 60\ncommand = sh -c 'true; sleep 75'")],
      [door("command_timeout = 60\ncommand = echo sh -c 'true; sleep 75; true'")],
    ],
  },
  {
    lint: "no-program",
    has: [
      [door('command = "/bin/echo %IP%"'), 3],
      [door("stop_command = '/bin/echo %IP%'"), 3],
    ],
    hasNot: [
      [door('command = "/bin/echo" "%IP%"')],
      [door("command = '/bin/echo' %IP%")],
      [door("command = /bin/sh -c '/bin/echo %IP%'")],
      [door("command = '/bin/echo'")],
    ],
  },
  {
    lint: "same-sequence",
    has: [
      [`${door("command = x")}${door("command = y", "b")}`, 5],
      ["[a]\nsequence = 1,5,3\ntcpflags = syn\n[b]\nsequence = 1:TCP, 5 ,3\n", 5],
      ["[a]\nsequence = 1,5,3\ntarget = 10.0.0.1\n[b]\nsequence = 1,5,3\ntarget = 10.0.0.1\n", 5],
    ],
    hasNot: [
      ["[a]\nsequence = 1,5,3\n[b]\nsequence = 1,5,4\n[c]\nsequence = 1:udp,5,3\n[d]\nsequence = 3,5,1\n"],
      ["[a]\nsequence = 1,5,3\ntarget = 10.0.0.1\n[b]\nsequence = 1,5,3\ntarget = 10.0.0.2\n"],
      ["[a]\nsequence = 1,5,3\ntcpflags = syn\n[b]\nsequence = 1,5,3\ntcpflags = !syn,ack\n"],
    ],
  },
  {
    lint: "sequence-begins-another",
    has: [
      ["[a]\nsequence = 1,5,3\n[b]\nsequence = 1,5,3,2\n", 2],
      ["[a]\nsequence = 1,5,3\n[b]\nsequence = 1,1,5,3\n", 2],
    ],
    hasNot: [["[a]\nsequence = 5,3,2\n[b]\nsequence = 1,5,3,2\n"], ["[a]\nsequence = 1,5\n[b]\nsequence = 1,5\n"]],
  },
  {
    lint: "same-port",
    has: [
      ["[a]\nsequence = 4001,4001,4001\n", 2],
      ["[a]\nsequence = 4001,1002,4001,3003,4001\n", 2],
      ["[a]\nsequence = 4001:udp,4001:udp,4001:udp\n", 2],
    ],
    hasNot: [
      ["[a]\nsequence = 4001,4001,1002\n"],
      ["[a]\nsequence = 4001,4001:udp,4001\n"],
      ["[a]\nsequence = 4001,4001,4001\nEasy = yes\n"],
    ],
  },
  {
    lint: "ip6tables-for-ipv4",
    has: [
      [door("command = /bin/true; ip6tables -A INPUT -s %IP% -j ACCEPT"), 3],
      [door("command_6 = x\ncommand = /bin/true; /sbin/ip6tables-nft -A INPUT -s %IP% -j ACCEPT"), 4],
      [door("stop_command = /bin/true; ip6tables -D INPUT -s %IP% -j ACCEPT"), 3, IPV4_HOST],
      [door("command = /bin/true; nft add rule inet f input ip6 saddr %IP% accept"), 3],
      [door('command = /bin/sh -c "ip6tables -A INPUT -s %IP% -j ACCEPT"'), 3],
    ],
    hasNot: [
      [door(OPENS)],
      [door("command_6 = /bin/true; ip6tables -A INPUT -s %IP% -j ACCEPT")],
      [door("command = /bin/true; ip6tables -F")],
      [door("command = /bin/true; iptables -A x -s %IP%; ip6tables -A x -s %IP%")],
      [door("target = fd00::5\ncommand = /bin/true; ip6tables -A INPUT -s %IP% -j ACCEPT")],
    ],
  },
  {
    lint: "iptables-for-ipv6",
    has: [
      [door(OPENS), 3],
      [door("command = /bin/true; nft add rule inet f input ip saddr %IP% tcp dport 22 accept"), 3],
      [door("command_6 = /bin/true; iptables -A INPUT -s %IP% -j ACCEPT"), 3],
      [door("stop_command_6 = /bin/true; /sbin/iptables -D INPUT -s %IP% -j ACCEPT"), 3],
    ],
    hasNot: [
      [door(OPENS), IPV4_HOST],
      [door(OPENS), LINK_LOCAL_HOST],
      [door("command = /bin/true; nft add element inet f open { %IP% }")],
      [door("command = /bin/true; nft add rule inet f input ip saddr 10.0.0.9 accept; echo %IP%")],
      [door(OPENS), { ...IPV6_HOST, defaults: { ...IPV6_HOST.defaults, options: ["-4"] } }],
      [door(`target = 10.0.0.5\n${OPENS}`)],
      [door(`${OPENS}\ncommand_6 =`)],
      [door(`${OPENS}\ncommand_6 = /bin/true; ip6tables -A INPUT -s %IP% -j ACCEPT`)],
      [door("command = /bin/true; iptables -A x -s %IP%; ip6tables -A x -s %IP%")],
    ],
  },
  {
    lint: "interface",
    has: [
      ['[options]\nInterface = "eth0"\n', 2],
      ["[options]\nUseSyslog\nInterface = eth0 wlan0\n", 3],
      ["[options]\nInterface = eth0,sixteen-letters0\n", 2],
      ["[options]\nInterface = /dev/eth0\n", 2],
      ["[options]\nInterface = eth0:longer-than-a-label\n", 2],
    ],
    hasNot: [
      ["[options]\nInterface = eth0\n"],
      ["[options]\nInterface = eth9, ppp*, wlan0:1\n"],
      ["[options]\nInterface = a-name-of-more-than-fifteen-letters\n"],
      ["[options]\nInterface = eth0 # the cable\n"],
      ["[options]\nInterface = e t\n", { ...IPV6_HOST, defaults: { ...IPV6_HOST.defaults, options: ["-i", "eth0"] } }],
    ],
  },
];

describe("a common mistake in real configs", () => {
  const dir = mkdtempSync(join(tmpdir(), "traps-"));
  after(() => rmSync(dir, { recursive: true }));
  const file = join(dir, "k.conf");
  const found = async (config: string, host: Host = IPV6_HOST) => {
    writeFileSync(file, config, { mode: 0o640 });
    return lint(file, host);
  };

  for (const trap of TRAPS)
    it(trap.lint, async () => {
      for (const [config, line, host] of trap.has) {
        const [finding, ...more] = (await found(config, host)).filter((one) => one.lint === trap.lint);
        assert.deepEqual([finding?.line, more], [line, []], config);
        assert.equal(finding?.severity, trap.lint === "interface" ? "error" : "warning");
        assert.ok((finding?.hint ?? "").length > 0, config);
        assert.doesNotMatch(`${finding?.text}${finding?.quote}${finding?.hint}`, /4001|1002|3003/, "the secret");
      }
      for (const [config, host] of trap.hasNot) {
        const lints = (await found(config, host)).map((one) => one.lint);
        assert.ok(!lints.includes(trap.lint), `${config}${lints}`);
      }
    });

  it("is reported with file and line, what is wrong, the line itself, and what to do", async () => {
    const config = `[a door]\n${SEQUENCE}tcpflags = syn,ack\ncmd_timeout = 5\ncommand_timeout = 60\ncommand = true; sleep 75; true\n`;
    assert.deepEqual(
      (await found(config)).map(({ text, quote, hint }) => [text.replace(dir, ""), quote, hint]),
      [
        [
          '/k.conf:3: [a door] no client sends packets with the flags "syn,ack": knock, curl and others send SYN alone',
          "tcpflags = syn,ack",
          "Write TCPFlags = syn",
        ],
        [
          "/k.conf:4: [a door] Cmd_Timeout does nothing without a Stop_Command",
          "cmd_timeout = 5",
          "Add a Stop_Command that undoes the Start_Command, or remove Cmd_Timeout.",
        ],
        [
          "/k.conf:6: [a door] the command sleeps for 75 s, but Command_Timeout kills it after 60 s: the rest never runs",
          "command = true; sleep 75; true",
          "Use Cmd_Timeout and Stop_Command instead of sleep, or set a longer Command_Timeout (0: no limit).",
        ],
      ],
    );
  });

  it("may be a directive given twice, with a matching hint", async () => {
    const config = `[options]\nInterface = eth0\nInterface = eth1\n${door("seq_timeout = 5\ntimeout = 6\ncommand = true\ncommand = false")}`;
    const hints = (await found(config)).filter(({ lint: name }) => name === "given-twice").map(({ hint }) => hint);
    assert.deepEqual(hints, [
      "Remove one of the two lines. Separate the names of several interfaces by commas.",
      "Remove one of the two lines.",
      "Remove one of the two lines. A command may have several parts, separated by ;",
    ]);
  });

  it("is an interface as ip prints it, unless one has that name", async () => {
    const links = [...IPV6_HOST.interfaces.links, { index: 3, name: "eth0@home", up: true }];
    const host = { ...IPV6_HOST, interfaces: { ...IPV6_HOST.interfaces, links } };
    for (const [words, wrong] of [
      ["eth0@if7", "eth0@if7"],
      ["lo,eth0@eth1", "eth0@eth1"],
      ["eth0@home", undefined],
      ["wan@pppoe", undefined],
    ] as const) {
      const findings = await found(`[options]\nInterface = ${words}\n${door("command = /bin/true")}`, host);
      const [finding] = findings.filter(({ lint: name }) => name === "interface");
      assert.equal(finding?.what.includes(`"${wrong}"`), wrong && true, words);
      assert.equal(finding?.hint, wrong && "Write: Interface = eth0");
    }
  });

  it("may be a byte order mark, which Notepad writes: the hint names it", async () => {
    const [finding] = await found(`\ufeff[options]\nUseSyslog\n${door("command = true")}`);
    assert.deepEqual([finding?.severity, finding?.line], ["error", 1]);
    assert.match(finding?.hint ?? "", /without a byte order mark/);
  });

  it("may be a missing file of sequences: the config need not be named again", async () => {
    const [finding] = await found(`[a]\none_time_sequences = ${join(dir, "none")}\ncommand = true\n`);
    assert.equal(finding?.severity, "error");
    assert.equal(finding?.hint, "Create the file, or correct its path.");
  });

  it("is not a sequence beside one-time sequences, but it is never used", async () => {
    writeFileSync(join(dir, "once"), "4001,1002,3003\n", { mode: 0o600 });
    const config = `[a]\n${SEQUENCE}one_time_sequences = ${join(dir, "once")}\ncommand = true\n`;
    assert.deepEqual(
      (await found(config)).map(({ lint: name, line }) => [name, line]),
      [["given-twice", 2]],
    );
  });
});
