// Tests what a door opens without a command: each directive in a config, and errors with file, line and text.
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { type Config, ConfigError } from "../src/config/door.ts";
import { DEFAULT_FIREWALL, type FirewallMode, type Opening } from "../src/config/opening.ts";
import { parseConfig } from "../src/config/parse.ts";
import { formatNetwork } from "../src/net/network.ts";

const parse = (text: string): Config => parseConfig(text, "/etc/k.conf", () => assert.fail());
const openingOf = (lines: string): Opening | undefined => parse(`[a]\nsequence = 1\n${lines}`).doors[0]!.opening;
const ports = ({ ports }: Opening) => ports.map(({ protocol, low, high }) => `${protocol}/${low}-${high}`).join(" ");

function refusal(text: string): string {
  try {
    parse(text);
  } catch (error) {
    assert.ok(error instanceof ConfigError, `${error}`);
    return error.message;
  }
  return assert.fail("it was accepted");
}

test("a door without open opens nothing by itself", () => assert.equal(openingOf("command = x"), undefined));

test("open alone opens for 30 s, for the client's own address", () => {
  assert.deepEqual(openingOf("open = tcp/22"), {
    ports: [{ protocol: "tcp", low: 22, high: 22 }],
    seconds: 30,
    prefix6: 128,
  });
});

describe("open", () => {
  const table: [value: string, ports: string][] = [
    ["tcp/22", "tcp/22-22"],
    ["UDP/51820", "udp/51820-51820"],
    ["tcp/22,udp/60000-61000", "tcp/22-22 udp/60000-61000"],
    ["udp/60000-61000 , tcp/22", "tcp/22-22 udp/60000-61000"],
    ["tcp/1-65535", "tcp/1-65535"],
    ["tcp/80,tcp/443,tcp/80", "tcp/80-80 tcp/443-443"],
    ["tcp/80-90,tcp/85-100,tcp/101,udp/95", "tcp/80-101 udp/95-95"], // a set can't contain two elements that overlap
    ["tcp/20-90,tcp/30", "tcp/20-90"],
  ];
  for (const [value, expected] of table) {
    test(`${value} is ${expected}`, () => assert.equal(ports(openingOf(`open = ${value}`)!), expected));
  }

  test("stands beside a command", () => {
    const door = parse("[a]\nsequence = 1\nopen = tcp/22\ncommand = x").doors[0]!;
    assert.deepEqual([door.startCommand, door.opening?.seconds], ["x", 30]);
  });
});

describe("for", () => {
  const table: [value: string, seconds: number | undefined][] = [
    ["30s", 30],
    ["90", 90],
    ["5m", 300],
    ["2 H", 7200],
    ["30d", 2_592_000],
    ["until closed", undefined],
    ["Until  Closed", undefined],
  ];
  for (const [value, seconds] of table) {
    test(`${value} is ${seconds ?? "without a limit"}`, () => {
      assert.equal(openingOf(`for = ${value}\nopen = tcp/22`)!.seconds, seconds);
    });
  }
});

describe("Open_Prefix_6", () => {
  test("in [options] applies to every door, wherever the section is", () => {
    const { doors } = parse(
      "[a]\nsequence=1\nopen=tcp/22\n[options]\nOpen_Prefix_6 = 64\n[b]\nsequence=2\nopen=tcp/23\nOpen_Prefix_6 = /56\n[c]\nsequence=3",
    );
    assert.deepEqual(
      doors.map(({ opening }) => opening?.prefix6),
      [64, 56, undefined],
    );
  });
});

describe("[options]", () => {
  const firewall = (lines: string) => parse(`[options]\n${lines}`).options.firewall;
  test("without these directives use the gate, with a reset", () => assert.deepEqual(firewall(""), DEFAULT_FIREWALL));

  const modes: [value: string, mode: FirewallMode][] = [
    ["gate", { kind: "gate" }],
    ["Gate", { kind: "gate" }],
    ["mark 0x100000", { kind: "mark", mark: 0x100000 }],
    ["mark 0x80000000", { kind: "mark", mark: 0x80000000 }],
    ["mark 4096", { kind: "mark", mark: 4096 }],
    [
      "set inet filter knocked4 knocked6",
      { kind: "set", family: "inet", table: "filter", set4: "knocked4", set6: "knocked6" },
    ],
  ];
  for (const [value, mode] of modes) {
    test(`Firewall = ${value}`, () => assert.deepEqual(firewall(`Firewall = ${value}`).mode, mode));
  }

  test("Gate_Reply and Gate_Allow", () => {
    const { reply, allow } = firewall("Gate_Reply = DROP\nGate_Allow = 192.168.7.9/16, fd00::/8,10.77.0.1");
    assert.equal(reply, "drop");
    assert.deepEqual(allow.map(formatNetwork), ["192.168.0.0/16", "fd00::/8", "10.77.0.1"]);
  });
});

describe("refused, with file, line and text:", () => {
  const inDoor: [line: string, why: string][] = [
    ["open = 22", 'open must be a list such as tcp/22,udp/60000-61000, not "22"'],
    ["open = tcp/22,", 'open must be a list such as tcp/22,udp/60000-61000, not ""'],
    ["open =", 'open must be a list such as tcp/22,udp/60000-61000, not ""'],
    ["open = sctp/22", 'open must be a list such as tcp/22,udp/60000-61000, not "sctp/22"'],
    ["open = tcp/ssh", 'open must be a list such as tcp/22,udp/60000-61000, not "tcp/ssh"'],
    ["open = tcp/0", 'open: "tcp/0" is not in the range 1 to 65535'],
    ["open = udp/65000-65536", 'open: "udp/65000-65536" is not in the range 1 to 65535'],
    ["open = tcp/90-80", 'open: "tcp/90-80" is not a range: its end is below its start'],
    [
      `open = ${Array.from({ length: 33 }, (_, n) => `tcp/${n * 2 + 1}`).join(",")}`,
      "open has 33 port ranges; at most 32 are allowed",
    ],
    ["for = 0", 'for "0" leaves the client no time to connect'],
    ["for = 0m", 'for "0m" leaves the client no time to connect'],
    ["for = 31d", 'for must be at most 30d, not "31d". Use "until closed" for no limit'],
    ["for = 2592001", 'for must be at most 30d, not "2592001". Use "until closed" for no limit'],
    ["for = -5", 'for must be a time such as 30s, 5m, 2h or 1d, or "until closed", not "-5"'],
    ["for = 1.5h", 'for must be a time such as 30s, 5m, 2h or 1d, or "until closed", not "1.5h"'],
    ["for = ever", 'for must be a time such as 30s, 5m, 2h or 1d, or "until closed", not "ever"'],
    ["for =", 'for must be a time such as 30s, 5m, 2h or 1d, or "until closed", not ""'],
    ["Open_Prefix_6 = 0", "Open_Prefix_6 must be a number of bits from 1 to 128, not 0"],
    ["Open_Prefix_6 = 129", "Open_Prefix_6 must be a number of bits from 1 to 128, not 129"],
    ["Open_Prefix_6 = half", 'Open_Prefix_6 must be a number of bits from 1 to 128, not "half"'],
    ["Firewall = gate", 'syntax error: unknown directive "Firewall" in a door'],
  ];
  for (const [line, why] of inDoor) {
    test(line.slice(0, 40), () => {
      assert.equal(
        refusal(`[a]\nsequence = 1\nopen = tcp/22\n${line}`),
        `config: line 4: ${why} (/etc/k.conf: ${line})`,
      );
    });
  }

  const inOptions: [line: string, why: string][] = [
    ["Firewall = iptables", 'Firewall must be gate, mark NUMBER, or set FAMILY TABLE SET4 SET6, not "iptables"'],
    ["Firewall = gate reset", 'Firewall must be gate, mark NUMBER, or set FAMILY TABLE SET4 SET6, not "gate reset"'],
    ["Firewall = mark", 'Firewall must be gate, mark NUMBER, or set FAMILY TABLE SET4 SET6, not "mark"'],
    ["Firewall = mark 0", 'Firewall: the mark must be from 0x1 to 0xffffffff, not "0"'],
    ["Firewall = mark 0x100000000", 'Firewall: the mark must be from 0x1 to 0xffffffff, not "0x100000000"'],
    ["Firewall = mark 4294967296", 'Firewall: the mark must be from 0x1 to 0xffffffff, not "4294967296"'],
    ["Firewall = mark knocked", 'Firewall: the mark must be from 0x1 to 0xffffffff, not "knocked"'],
    [
      "Firewall = set inet filter knocked",
      'Firewall must be gate, mark NUMBER, or set FAMILY TABLE SET4 SET6, not "set inet filter knocked"',
    ],
    [
      "Firewall = set ipv4 filter a b",
      'Firewall: the family of a table must be ip, ip6, inet, netdev, bridge, not "ipv4"',
    ],
    ["Firewall = set inet filter a; b", 'Firewall: "a;" is not a valid nft name for a table or set'],
    ["Gate_Reply = icmp", 'syntax error: Gate_Reply must be reset or drop, not "icmp"'],
    ["Gate_Allow = lan", 'Gate_Allow must be a list of networks such as 192.168.1.0/24,fd00::/8, not "lan"'],
    ["Gate_Allow = 10.0.0.0/8,", 'Gate_Allow must be a list of networks such as 192.168.1.0/24,fd00::/8, not ""'],
    ["open = tcp/22", 'syntax error: unknown directive "open" in [options]'],
  ];
  for (const [line, why] of inOptions) {
    test(line, () => {
      assert.equal(refusal(`[options]\n${line}`), `config: line 2: ${why} (/etc/k.conf: ${line})`);
    });
  }

  test("for and Open_Prefix_6 in a door that opens nothing", () => {
    const inA = (line: string) => refusal(`[a]\nsequence = 1\n${line}\ncommand = x`);
    assert.equal(inA("for = 30s"), "config: line 3: for needs open, and door 'a' has no open (/etc/k.conf: for = 30s)");
    assert.match(inA("Open_Prefix_6 = 64"), /^config: line 3: Open_Prefix_6 needs open, and door 'a' has no open/);
  });

  test("the gate's own options without the gate", () => {
    const other = (line: string) => refusal(`[options]\n${line}\nFirewall = mark 0x100000`);
    assert.match(other("Gate_Reply = drop"), /^config: line 2: Gate_Reply is for Firewall = gate, not for mark/);
    assert.match(other("Gate_Allow = 10.0.0.0/8"), /^config: line 2: Gate_Allow is for Firewall = gate, not for mark/);
  });
});
