// Tests each directive alone: its names, its values, its default (0.8's), and what closes its door.
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { type Config, DEFAULT_POLICY, type Door, type FileOptions, type Policy } from "../src/config/door.ts";
import { parseConfig } from "../src/config/parse.ts";
import { parseSequence } from "../src/sequences/sequence.ts";
import { optionsOf } from "./door.ts";

const FILE = "/etc/k.conf";
const parse = (text: string): Config => parseConfig(text, FILE, () => parseSequence("5,6"));

/** The lines of a door that already has two knocks, from the fourth line of the file on. */
const inDoor = (lines: string) =>
  parse(`[before]\nsequence = 1\n[door]\nsequence = 7,8\n${lines}\n[after]\nsequence=2`);
const opened = (seconds: number) => ({
  ports: [{ protocol: "tcp" as const, low: 22, high: 22 }],
  seconds,
  prefix6: 128,
});
const named = ({ doors }: Config, name: string): Door | undefined => doors.find((door) => door.name === name);

describe("a door's directive, in any case:", () => {
  const table: [lines: string, expected: Partial<Door>][] = [
    ["", { sequence: parseSequence("7,8"), seqTimeout: 25, cmdTimeout: 10, tcpFlags: { set: 0, clear: 0 } }],
    ["", { startCommand: undefined, startCommand6: undefined, stopCommand: undefined, stopCommand6: undefined }],
    ["", { target: undefined, oneTimeSequences: undefined }],
    ["Sequence = 9:udp", { sequence: [{ protocol: "udp", port: 9 }] }],
    ["SEQUENCE = 9\nsequence = 10", { sequence: parseSequence("10") }],
    ["One_Time_Sequences = /ot", { oneTimeSequences: "/ot", sequence: parseSequence("5,6") }],
    ["Seq_Timeout = 5", { seqTimeout: 5 }],
    ["Timeout = 5", { seqTimeout: 5 }],
    ["Timeout = 5\nSeq_Timeout = 6", { seqTimeout: 6 }],
    ["Seq_Timeout = 5\nTimeout = 6", { seqTimeout: 6 }],
    ["Cmd_Timeout = 5", { cmdTimeout: 5 }],
    ["Cmd_Timeout = 0", { cmdTimeout: 0 }],
    ["TCPFlags = SYN,!ack", { tcpFlags: { set: 2, clear: 16 } }],
    ["TCPFlags = syn\ntcpflags = !ack\nTcpFlags = fin", { tcpFlags: { set: 3, clear: 16 } }],
    ["TCPFlags = syn, ack", { tcpFlags: { set: 18, clear: 0 } }], // 0.8 refuses the space
    ["TCPFlags = syn # only", { tcpFlags: { set: 2, clear: 0 } }], // so does it a comment
    ["Open = tcp/22 # ssh\nFor = 5m # minutes", { opening: opened(300) }],
    ["Target = 10.77.0.9", { target: { host: "10.77.0.9", line: { number: 5, text: "Target = 10.77.0.9" } } }],
    ["target = a\n\ntarget = b", { target: { host: "b", line: { number: 7, text: "target = b" } } }],
    ["Start_Command = x", { startCommand: "x" }],
    ["Command = x", { startCommand: "x" }],
    ["command = x\nSTART_COMMAND = y", { startCommand: "y" }],
    ["command = x\nCommand =", { startCommand: "" }],
    ["Start_Command_6 = x", { startCommand6: "x", startCommand: undefined }],
    ["Command_6 = x", { startCommand6: "x" }],
    ["Command = x", { startCommand6: undefined }], // absent: the IPv4 one is used
    ["Command = x\nCommand_6 =", { startCommand: "x", startCommand6: "" }], // present but empty: nothing is run
    ["Stop_Command = x", { stopCommand: "x", stopCommand6: undefined }],
    ["Stop_Command_6 = x", { stopCommand6: "x", stopCommand: undefined }],
    ["Stop_Command_6 =", { stopCommand6: "" }],
  ];
  for (const [lines, expected] of table) {
    test(`${JSON.stringify(lines)} gives ${JSON.stringify(expected)}`, () => {
      const config = inDoor(lines);
      const door = named(config, "door")!;
      assert.deepEqual(door, { ...door, ...expected });
      assert.deepEqual(config.warnings, []);
    });
  }
});

describe("an option, in any case:", () => {
  const none = optionsOf();
  const table: [text: string, expected: Partial<FileOptions>][] = [
    ["[options]", {}],
    ["[options]\nUseSyslog", { useSyslog: true }],
    ["[options]\nUSESYSLOG", { useSyslog: true }],
    ["[options]\nUseSyslog # a = b", { useSyslog: true }], // 0.8 refuses the comment
    ["[a]\nsequence=1\nusesyslog", { useSyslog: true }], // 0.8 takes the bare word in any section
    ["[a]\nsequence=1\nusesyslog = no\n[options]\nusesyslog", { useSyslog: true }],
    ["[options]\nLogFile = /l\nPIDFILE=/p\nInterface = eth7", { logFile: "/l", pidFile: "/p", interface: "eth7" }],
    ["[options]\nLogFile = /l\nlogfile = /m", { logFile: "/m" }],
    ["[options]\nLogFormat = JSON", { logFormat: "json" }],
    ["[options]\nlogformat = json\nLogFormat = text", { logFormat: "text" }],
    ["[options]\nLOG_SECONDS = yes", { logSeconds: true }],
    ["[options]\nLogFile = /l\nlogfile =\npidfile=\ninterface =", {}], // empty means the same as absent, in 0.8 too
    // A comment after a space: 0.8 looks for an interface of that name.
    ["[options]\nInterface = eth0 # main, uplink", { interface: "eth0" }],
    ["[options]\nInterface = eth0,wlan0\t; uplink", { interface: "eth0,wlan0" }],
    ["[options]\nInterface = eth0:0   #", { interface: "eth0:0" }],
    ["[options]\nInterface = eth0#1", { interface: "eth0#1" }], // it could be its name
    ["[options]\nInterface = # eth0", {}],
    // Of several the first counts, as in 0.8.
    ["[options]\nInterface = eth0\nInterface = eth1\n[options]\ninterface = eth2", { interface: "eth0" }],
    ["[options]\nInterface =\nInterface = eth1\ninterface =", { interface: "eth1" }],
    ["[options]\nStateFile = /s\nON_EXIT = Keep", { stateFile: "/s", onExit: "keep" }],
    ["[options]\nOn_Exit = keep\nOn_Exit = close\nstatefile =", {}],
    // 0.8 refuses these
    ...["yes", "YES", "true", "on", "1"].map((on) => [`[options]\nUseSyslog = ${on}`, { useSyslog: true }] as const),
    ...["no", "No", "false", "off", "0"].map((off) => [`[options]\nUseSyslog\nUseSyslog = ${off}`, {}] as const),
  ].map(([text, expected]) => [text as string, expected as Partial<FileOptions>]);
  for (const [text, expected] of table) {
    test(`${JSON.stringify(text)} gives ${JSON.stringify(expected)}`, () => {
      assert.deepEqual(parse(text).options, { ...none, ...expected });
      assert.deepEqual(parse(text).warnings, []);
    });
  }
});

describe("directives that 0.8 does not have", () => {
  const policyOf = (text: string): Policy => named(parse(text), "a")!.policy;
  const table: [lines: string, expected: Partial<Policy>][] = [
    ["", {}],
    ["Reknock = extend", { reknock: "extend" }],
    ["reknock = RUN", { reknock: "run" }],
    ["Seq_Cooldown = 5", { seqCooldown: 5 }],
    ["seq_cooldown_scope = Door", { seqCooldownScope: "door" }],
    ["Cooldown = 60", { cooldown: 60 }],
    ["AllowDuplicates = yes", {}],
    ["AllowDuplicates", {}], // forks have the bare word
    ["allowdupes", {}],
    ["Cooldown = 60 # seconds", { cooldown: 60 }],
    ["Strict = yes\t# really", { strict: true }],
    ["Seq_Cooldown_Scope = door #", { seqCooldownScope: "door" }],
    ["Max_Strays = 0", { maxStrays: 0 }],
    ["Max_Strays = 64", { maxStrays: 64 }],
    ["Strict = yes", { strict: true }],
    ["Ban_Time = 600", { banTime: 600 }],
    ["Easy = yes", { easy: true }],
    ["Command_Timeout = 0", { commandTimeout: 0 }],
    ["Command_Timeout = 60", { commandTimeout: 60 }],
    ["Parallel = yes", { parallel: true }],
    ["parallel = NO", { parallel: false }],
  ];
  for (const [lines, expected] of table) {
    test(`${JSON.stringify(lines)} works in a door, and in [options] for all, wherever that section is`, () => {
      for (const text of [
        `[a]\nsequence=1\n${lines}`,
        `[a]\nsequence=1\n[options]\n${lines}`,
        `[options]\n${lines}\n[a]\nsequence=1`,
      ]) {
        assert.deepEqual(policyOf(text), { ...DEFAULT_POLICY, ...expected }, text);
      }
    });
  }

  test("a door's own value overrides that of [options]", () => {
    const text = "[a]\nsequence=1\nBan_Time = 7\nstrict = no\n[options]\nBan_Time = 8\nStrict = yes\nMax_Strays = 3";
    assert.deepEqual(policyOf(text), { ...DEFAULT_POLICY, banTime: 7, strict: false, maxStrays: 3 });
  });

  const refused: [line: string, why: RegExp][] = [
    ["Reknock = perhaps", /Reknock must be run or extend, not "perhaps"/],
    ["Seq_Cooldown = -1", /Seq_Cooldown must be a whole number, not "-1"/],
    ["Max_Strays = 65", /Max_Strays must be at most 64, not 65/],
    ["Max_Strays =", /Max_Strays must be a whole number, not ""/],
    ["Strict = very", /Strict must be yes or no, not "very"/],
    ["Ban_Time = 1m", /Ban_Time must be a whole number, not "1m"/],
    ["Command_Timeout = never", /Command_Timeout must be a whole number, not "never"/],
    ["Parallel = 2", /Parallel must be yes or no, not "2"/],
    ["AllowDuplicates =", /AllowDuplicates must be yes or no, not ""/],
    ["Strict", /syntax error/],
  ];
  for (const [line, why] of [
    ...refused,
    ["LogFormat = xml", /LogFormat must be text or json, not "xml"/] as const,
    ["On_Exit = run", /On_Exit must be close or keep, not "run"/] as const,
  ]) {
    test(`${line} refuses the config`, () => assert.throws(() => parse(`[options]\n${line}`), why));
  }
  for (const [line, why] of refused) {
    test(`${line} also refuses it in a door`, () => assert.throws(() => parse(`[a]\nsequence=1\n${line}`), why));
  }
});

describe("a bad value that 0.8 accepted closes only its door, with file, line and text:", () => {
  const table: [line: string, why: RegExp][] = [
    ["sequence = 0", /port "0" is invalid/],
    ["sequence = 7000,-5", /port "-5" is invalid/],
    ["sequence = ssh", /port "ssh" is invalid/],
    ["sequence = 7000,8000x", /port "8000x" is invalid/],
    ["sequence = 7000 8000", /port "7000 8000" is invalid/],
    ["sequence = 7000:udp:tcp", /"7000:udp:tcp"/],
    ["sequence =", /empty element/],
    ["sequence = 7000,", /empty element/],
    ["sequence = 7000,,8000", /empty element/],
    ["seq_timeout = soon", /seq_timeout "soon" is not a number/],
    ["timeout = soon", /seq_timeout "soon" is not a number/],
    ["seq_timeout =", /seq_timeout "" is not a number/],
    ["seq_timeout = -1", /seq_timeout "-1" is not a number/],
    ["seq_timeout = 0", /no time for 2 knocks/],
    ["timeout = 00", /no time for 2 knocks/],
    ["cmd_timeout = soon", /cmd_timeout "soon" is not a number/],
    ["cmd_timeout =", /cmd_timeout "" is not a number/],
    ["cmd_timeout = -1", /cmd_timeout "-1" is not a number/],
    ["target =", /target is empty/],
  ];
  for (const [line, why] of table) {
    test(line, () => {
      const config = inDoor(`command = x\n ${line} \ncommand_6 = y`);
      assert.deepEqual(
        config.doors.map(({ name }) => name),
        ["before", "after"],
      );
      assert.equal(config.warnings.length, 1);
      assert.match(config.warnings[0]!, why);
      assert.ok(config.warnings[0]!.startsWith("config: line 6: "), config.warnings[0]);
      assert.ok(config.warnings[0]!.endsWith(`: door 'door' stays closed (${FILE}: ${line})`), config.warnings[0]);
    });
  }

  test("and each such line is reported", () => {
    const { doors, warnings } = inDoor("sequence = 0\ncmd_timeout = x\nseq_timeout = 0");
    assert.deepEqual([doors.length, warnings.length], [2, 2]);
  });
});

describe("no door stays closed for", () => {
  const table: [why: string, lines: string, expected: Partial<Door>, warning?: string][] = [
    ["by a line that another one overrides", "sequence = x\nsequence = 9", { sequence: parseSequence("9") }],
    ["by an alias that is overridden", "timeout = soon\nseq_timeout = 9", { seqTimeout: 9 }],
    ["by no time at all, when it comes first and more later", "seq_timeout = 0\ntimeout = 9", { seqTimeout: 9 }],
    ["by an empty target that is overridden", "target =\ntarget = a", {}],
    ["by no time at all for one knock", "seq_timeout = 0\nsequence = 9", { seqTimeout: 0 }],
    ["by a comment behind a number", "cmd_timeout = 15 # s", { cmdTimeout: 15 }],
    ["by a comment right behind it", "seq_timeout = 5#s", { seqTimeout: 5 }],
    ["by another one", "seq_timeout = 5   ; seconds", { seqTimeout: 5 }],
    ["by a unit", "cmd_timeout = 15 s", { cmdTimeout: 15 }],
    ["by a unit and a comment", "timeout = 15 Seconds // for slow ones", { seqTimeout: 15 }],
    [
      "by another unit",
      "cmd_timeout = 15 minutes # or so",
      { cmdTimeout: 15 },
      'cmd_timeout "15 minutes # or so" is read as 15 seconds',
    ],
    ["by a fraction", "seq_timeout = 1.9", { seqTimeout: 1 }, 'seq_timeout "1.9" is read as 1 second'],
    ["by a plus sign", "seq_timeout = +5", { seqTimeout: 5 }],
    ["by a century", "seq_timeout = 3155760000", { seqTimeout: 3155760000 }],
    ["by what stands behind a port in 0.8's how-tos", "sequence = 7,8 # my door", { sequence: parseSequence("7,8") }],
  ];
  for (const [why, lines, expected, warning] of table) {
    test(why, () => {
      const config = inDoor(lines);
      const door = named(config, "door")!;
      assert.deepEqual(door, { ...door, ...expected });
      assert.deepEqual(config.warnings, warning ? [`config: line 5: ${warning} (${FILE}: ${lines})`] : []);
    });
  }
});
