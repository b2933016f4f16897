// Tests what `knockctl check` finds in a config, with the lines that it prints.
import assert from "node:assert/strict";
import { chmodSync, mkdtempSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, describe, it } from "node:test";
import { type Host, lint as lintAll } from "../src/lint/lint.ts";

/** Unless a test is about commands, its doors have none: those are tested in test/traps.test.ts. */
const lint = async (file: string, host: Host) => (await lintAll(file, host)).filter((one) => one.lint !== "no-command");

const HOST: Host = {
  interfaces: {
    links: [
      { index: 1, name: "lo", up: true },
      { index: 2, name: "eth0", up: true },
    ],
    addresses: [
      { index: 1, address: "::1" },
      { index: 2, address: "fd00::5" },
    ],
    defaults: [],
  },
  ports: { listening: { tcp: [22, 443], udp: [53] }, ephemeral: { low: 32_768, high: 60_999 } },
  defaults: { file: "/nonexistent", lines: [], options: [] },
};
const GOOD = "[a]\nsequence = 4001,1002:udp,3003\n";

describe("findings about a config", () => {
  const dir = mkdtempSync(join(tmpdir(), "lint-"));
  after(() => rmSync(dir, { recursive: true }));
  writeFileSync(join(dir, "program"), "#!/bin/sh\n", { mode: 0o644 });
  writeFileSync(join(dir, "sequences"), "7000,8000\n", { mode: 0o600 });
  const file = join(dir, "k.conf");
  const found = async (config: string, host: Host, mode = 0o640) => {
    rmSync(file, { force: true }); // a file system may be read-only, which affects everyone but root
    writeFileSync(file, config.replaceAll("@dir@", dir));
    chmodSync(file, mode);
    return (await lint(file, host)).map((one) => ({
      ...one,
      text: one.text.replaceAll(dir, "@dir@"),
      hint: one.hint?.replaceAll(dir, "@dir@"),
    }));
  };

  it("consider the host's firewall for IPv6, unless there are only link-local addresses", async () => {
    const verdict = (accepts: boolean) => ({
      managers: [],
      plain: [],
      isPublished: false,
      verdict: { accepts, refuses: !accepts },
    });
    const firewall: Host["firewall"] = ({ ipv6 }) => verdict(ipv6 !== true);
    const texts = async (address: string) => {
      const interfaces = { ...HOST.interfaces, addresses: [{ index: 2, address }] };
      return (await found(`${GOOD}open = tcp/22\n`, { ...HOST, interfaces, firewall })).map(({ text }) => text);
    };
    assert.match((await texts("fd00::5")).join(), /tcp\/22 by IPv6: your own firewall refuses it too/);
    for (const address of ["fe80::1", "FEBF::1", "192.0.2.1"]) assert.deepEqual(await texts(address), [], address);
  });

  const door = (more: string) => `${GOOD}${more}\n`;
  const table: [title: string, config: string, lines: string[], host?: Partial<Host>][] = [
    ["nothing", GOOD, []],
    [
      "no door",
      "[options]\nUseSyslog\n",
      [
        "warning config undefined @dir@/k.conf: the config has no door: no knock opens anything → Add a section with a sequence, such as [openSSH] in man knockd.conf. Or run: knockctl init",
      ],
    ],
    [
      "what the daemon refuses, with what was meant",
      "[a]\nsequnce = 1,2,3\n",
      [
        'error config 2 syntax error: unknown directive "sequnce" in a door (@dir@/k.conf: sequnce = 1,2,3) → Did you mean "sequence"?',
      ],
    ],
    [
      "a directive of [options] in a door",
      door("LogFile = x"),
      [
        'error config 3 syntax error: unknown directive "LogFile" in a door (@dir@/k.conf: LogFile = x) → Move it to [options].',
      ],
    ],
    [
      "one of a door in [options]",
      "[options]\ncommand = x\n",
      [
        'error config 2 syntax error: unknown directive "command" in [options] (@dir@/k.conf: command = x) → Move it to a door.',
      ],
    ],
    [
      "one that nobody knows",
      door("colour = red"),
      [
        'error config 3 syntax error: unknown directive "colour" in a door (@dir@/k.conf: colour = red) → See man knockd.conf for all directives.',
      ],
    ],
    [
      "a door without a sequence",
      "\n[a]\n",
      [
        "error config 2 section 'a' has an empty knock sequence (@dir@/k.conf: line 2) → Give the door a Sequence or One_Time_Sequences.",
      ],
    ],
    [
      "a door that stays closed",
      "[a]\nsequence = 4001 1002\n",
      [
        "warning config 2 port \"4001 1002\" is invalid: door 'a' stays closed (@dir@/k.conf: sequence = 4001 1002) → Write each knock as PORT, PORT:tcp or PORT:udp, separated by commas. Ports are 1 to 65535.",
      ],
    ],
    [
      "a number with words behind",
      door("timeout = 9 min"),
      ['warning config 3 seq_timeout "9 min" is read as 9 seconds (@dir@/k.conf: timeout = 9 min)'],
    ],
    [
      "a target that is nobody",
      door("target = nobody.invalid"),
      [
        "warning config 3 target \"nobody.invalid\" cannot be resolved: door 'a' stays closed (@dir@/k.conf: target = nobody.invalid) → Write the address instead of the name.",
      ],
    ],
    [
      "sequences that a scan finds",
      "[a]\nsequence = 1001,2002,3003\n[b]\nsequence = 3,1\n",
      [
        "warning weak-sequence 2 [a] its sequence is easily found: its ports ascend, as in a port scan → Choose at least three ports of your own, in neither ascending nor descending order. If the sequence is meant to be easy, set Easy = yes.",
        "warning weak-sequence 4 [b] its sequence is easily found: it has fewer than three knocks → Choose at least three ports of your own, in neither ascending nor descending order. If the sequence is meant to be easy, set Easy = yes.",
      ],
    ],
    [
      "a door of one knock, of which the log says nothing; and none with Easy",
      "[a]\nsequence = 3\n[b]\nsequence = 4\nEasy = yes\n",
      [
        "warning weak-sequence 2 [a] its sequence is easily found: it has fewer than three knocks → Choose at least three ports of your own, in neither ascending nor descending order. If the sequence is meant to be easy, set Easy = yes.",
      ],
    ],
    [
      "a sequence that begins another",
      `${GOOD}[b]\nsequence = 4001,1002:udp,3003,5\n[c]\nsequence = 4001,1002:udp,30035,5\n[d]\nsequence=4001,1002:udp,3003,6\ntarget=10.77.0.9\n`,
      [
        "warning sequence-begins-another 2 [a] the sequence of [b] begins with this one: knocking there opens this door, too → Begin one of the two sequences with another port.",
      ],
    ],
    [
      "two doors with one sequence",
      `${GOOD}${GOOD.replace("[a]", "[b]")}`,
      [
        "warning same-sequence 4 [b] the sequence is the same as that of [a]: it opens both doors → Give one of the doors another sequence.",
      ],
    ],
    [
      "ports where somebody listens, by their protocol",
      "[a]\nsequence = 443,22:udp,53:udp,443,53\n[b]\nsequence = 443,22,53\ntarget = 10.77.0.9\n",
      [
        "warning port-in-use 2 [a] a program of this host listens at the port of knock 1: clients of that program would knock without knowing it → Choose a port that no program uses. The command ss -lntu lists the used ones.",
        "warning port-in-use 2 [a] a program of this host listens at the port of knock 3: clients of that program would knock without knowing it → Choose a port that no program uses. The command ss -lntu lists the used ones.",
      ],
    ],
    [
      "ports of which nobody can tell",
      "[a]\nsequence = 443,22:udp,53:udp\n",
      [],
      { ports: { ...HOST.ports, listening: undefined } },
    ],
    [
      "ports of outgoing connections",
      "[a]\nsequence = 60999,32767,32768:udp,61000\n",
      [
        "warning ephemeral-port 2 [a] the port of knock 3 is in the ephemeral range (32768-60999): UDP replies to this host could count as knocks → Choose a port outside that range (net.ipv4.ip_local_port_range).",
      ],
    ],
    [
      "programs that are not there, or not executable",
      door(
        "command = @dir@/none %IP%\ncommand_6 = @dir@/program x\nstop_command = nosuchprogram; true\nstop_command_6 = @dir@",
      ),
      [
        "warning no-program 3 [a] @dir@/none: No such file or directory → Install the program, or correct its path.",
        "warning no-program 4 [a] @dir@/program: not executable → Run: chmod +x @dir@/program",
        "warning no-program 5 [a] nosuchprogram: not found in /usr/local/sbin, /usr/local/bin, /usr/sbin, /usr/bin, /sbin, /bin → Install the program, or write its full path.",
        "warning no-program 6 [a] @dir@: this is a directory → Write the path of a program.",
      ],
    ],
    [
      "programs of which nobody is certain",
      door(
        "command = $HOME/x; y\ncommand_6 = [ -e x ] && nosuch\nstop_command = PATH=/x nosuch\nstop_command_6 = echo x",
      ),
      [],
    ],
    [
      "iptables for an IPv6 address",
      door(
        "command = /bin/true; iptables -A INPUT -s %IP% -j ACCEPT\nstop_command = /bin/true && /sbin/iptables-legacy -D INPUT -s %IP%",
      ),
      [
        "warning iptables-for-ipv6 3 [a] `iptables` cannot take an IPv6 address, and there is no command_6 for IPv6 clients → Add command_6 with ip6tables, or an empty command_6 to run nothing for IPv6 clients.",
        "warning iptables-for-ipv6 4 [a] `iptables` cannot take an IPv6 address, and there is no stop_command_6 for IPv6 clients → Add stop_command_6 with ip6tables, or an empty stop_command_6 to run nothing for IPv6 clients.",
      ],
    ],
    [
      "iptables with a twin, an empty one too",
      door(
        "command = /bin/true; iptables %IP% x\ncommand_6 =\nstop_command = /bin/true; iptables %IP% x\nstop_command_6 = /bin/true",
      ),
      [],
    ],
    [
      "iptables without an address, and ip6tables",
      door("command = /bin/true; iptables -F\nstop_command = /bin/true; ip6tables -s %IP% x"),
      [
        "warning ip6tables-for-ipv4 4 [a] `ip6tables` cannot take an IPv4 address, and stop_command runs for IPv4 clients → Use iptables here, and ip6tables in stop_command_6.",
      ],
    ],
    [
      "iptables where IPv6 is not captured",
      door("command = /bin/true; iptables -s %IP% x"),
      [],
      { defaults: { ...HOST.defaults, options: ["-4"] } },
    ],
    ["a one-time sequence that is weak", "[a]\none_time_sequences = @dir@/sequences\n", []],
    [
      "a one-time sequence at a port that is used",
      "[a]\none_time_sequences = @dir@/sequences\n",
      [
        "warning port-in-use 2 [a] a program of this host listens at the port of knock 1: clients of that program would knock without knowing it → Choose a port that no program uses. The command ss -lntu lists the used ones.",
      ],
      { ports: { ...HOST.ports, listening: { tcp: [7000], udp: [] } } },
    ],
  ];
  for (const [title, config, lines, host] of table) {
    it(title, async () => {
      const said = (await found(config, { ...HOST, ...host })).map(({ severity, lint: name, line, text, hint }) => {
        const why = text.replace(/^config: line \d+: /, "").replace(/^@dir@\/k\.conf:\d+: /, "");
        return `${severity} ${name} ${line}${` ${why}`}${hint === undefined ? "" : ` → ${hint}`}`;
      });
      assert.deepEqual(said, lines);
    });
  }

  const modes: [mode: number, why: string | undefined, fixed?: number][] = [
    [0o600, undefined],
    [0o640, undefined],
    [0o400, undefined],
    [0o644, "all users can read this file; it contains your secret sequences", 0o640],
    [0o604, "all users can read this file; it contains your secret sequences", 0o600],
    [0o666, "all users can write this file, which says what root runs", 0o640],
    [0o660, "its group can write this file, which says what root runs", 0o640],
  ];
  for (const [mode, why, fixed] of modes) {
    it(`mode 0${mode.toString(8)}: ${why ?? "OK"}`, async () => {
      const [finding] = await found(GOOD, HOST, mode);
      assert.equal(finding?.text, why && `@dir@/k.conf: ${why}`);
      finding?.fix?.apply();
      assert.equal(statSync(file).mode & 0o777, fixed ?? mode);
      assert.deepEqual(await lint(file, HOST), []);
    });
  }

  it("include the mode of a file of one-time sequences", async () => {
    chmodSync(join(dir, "sequences"), 0o644);
    const [finding] = await found("[a]\none_time_sequences = @dir@/sequences\n", HOST);
    assert.equal(finding?.text, "@dir@/sequences: all users can read this file; it contains your secret sequences");
    chmodSync(join(dir, "sequences"), 0o600);
  });
});
