// Tests knockd.conf as a whole: its lines and sections, what is refused, and that ini loses nothing of it.
import assert from "node:assert/strict";
import { performance } from "node:perf_hooks";
import { describe, test } from "node:test";
import { type Config, ConfigError, type Door } from "../src/config/door.ts";
import { DEFAULT_FIREWALL } from "../src/config/opening.ts";
import { type NextOneTime, parseConfig } from "../src/config/parse.ts";
import { parseSequence } from "../src/sequences/sequence.ts";
import { doorOf } from "./door.ts";
import { bound } from "./time-limit.ts";

const FILE = "/etc/k.conf";
const noOneTime: NextOneTime = () => assert.fail("no door asked for one-time sequences");
const parse = (text: string, nextOneTime = noOneTime): Config => parseConfig(text, FILE, nextOneTime);

/** A door with 0.8's defaults. */
const door = (name: string, sequence: string, rest: Partial<Door> = {}): Door =>
  doorOf({ name, sequence: parseSequence(sequence), ...rest });

/** The error of a config that is refused. */
function refusal(text: string, nextOneTime = noOneTime): string {
  try {
    parse(text, nextOneTime);
  } catch (error) {
    assert.ok(error instanceof ConfigError, `${error}`);
    return error.message;
  }
  return assert.fail("it was accepted");
}

describe("lines", () => {
  const command = (startCommand: string) => [door("a", "1", { startCommand })];
  const table: [title: string, text: string, doors: Door[]][] = [
    ["are trimmed of blanks, tabs and CRs", "\t [a]\r\n \tsequence\t=  1 \t\r\ncommand =\tx  y\t\r\n", command("x  y")],
    ["are trimmed of vertical tabs and form feeds too", "\v[a]\f\nsequence\f=\v1\ncommand\v=\fx\v\f", command("x")],
    ["keep a no-break space, which is no blank", "[a]\nsequence=1\ncommand=\u00a0x\u00a0", command("\u00a0x\u00a0")],
    ["may be empty, or hold blanks only", "\n \t\n[a]\n\r\n\nsequence=1\ncommand=x\n\n", command("x")],
    [
      "whose first non-blank is # are skipped",
      "#\n# [b]\n[a]\n \t#x\nsequence=1\n#command=y\ncommand=x\n#",
      command("x"),
    ],
    ["hold # and ; as data anywhere else", "[a]\nsequence=1\ncommand = x # y ; z #", command("x # y ; z #")],
    ["are split at the first =", "[a]\nsequence=1\ncommand===x = y=", command("==x = y=")],
    ["need no last newline, nor blanks", "[a]\nsequence=1\ncommand=x", command("x")],
    ["may be as long as they like", `[a]\nsequence=1\ncommand=${"x".repeat(9000)}`, command("x".repeat(9000))],
    ["may be none at all", "", []],
  ];
  for (const [title, text, doors] of table) {
    test(title, () =>
      assert.deepEqual(
        { ...parse(text), lines: undefined },
        { ...parse(""), doors, lines: undefined, isBlank: text === "" },
      ),
    );
  }

  test("are recorded by directive, the last one of each, for [options] and each door that does not stay closed", () => {
    const text =
      "[options]\nUseSyslog\n[a]\nsequence=1\n[b]\nsequence=x\n[a]\n\n sequence=1\ntimeout=2\nSeq_Timeout=3\n[options]\nLogFile=x\n";
    const { doors, options, lines } = parse(text);
    const numbers = [options, ...doors].map((of) => [...lines.get(of)!].map(([name, { number }]) => [name, number]));
    assert.deepEqual(numbers, [
      [
        ["usesyslog", 2],
        ["logfile", 13],
      ],
      [["sequence", 4]],
      [
        ["sequence", 9],
        ["seq_timeout", 11],
      ],
    ]);
    assert.equal(lines.get(doors[1]!)!.get("seq_timeout")!.text, "Seq_Timeout=3");
  });

  test("of a megabyte are parsed as quickly as others", () => {
    const begun = performance.now();
    const blanks = " ".repeat(1_000_000);
    assert.deepEqual(
      parse(`[a]\nsequence=1\ncommand=x${blanks}y`).doors,
      command(`x${blanks}y`), // with backtracking at each of the spaces, this would take minutes
    );
    assert.ok(performance.now() - begun < bound(5000));
  });
});

describe("values", () => {
  // One per line, as it is written after the `=`.
  const plain = String.raw`
    "x"
    'x'
    "x" y
    "
    'x
    \
    \n \t \\ \"
    \;\#;#
    %IP% %% %s %d
    $x $(y) {z}
    true
    false
    null
    1e3
    []
    [a.b]
    [x
    x]
    =
    = true
    key = value
    a[] = 1
    __proto__
    constructor`;
  const odd = ["a\u2028b\u2029c", "ä € 😀 \u200b", "\u001b[1m\u007f", "`x`", "x\ry"];
  for (const value of [...plain.trim().split(/\n */), ...odd]) {
    test(`are kept exactly: ${JSON.stringify(value)}`, () => {
      const text = ["start_command", "stop_command", "start_command_6", "stop_command_6", "one_time_sequences"].map(
        (key) => `${key} = ${value}`,
      );
      const asked: string[] = [];
      const { doors, warnings } = parse(["[a]", ...text].join("\n"), (path) => {
        asked.push(path);
        return parseSequence("7");
      });
      const commands = { startCommand: value, stopCommand: value, startCommand6: value, stopCommand6: value };
      assert.deepEqual(doors, [door("a", "7", { ...commands, oneTimeSequences: value })]);
      assert.deepEqual({ asked, warnings }, { asked: [value], warnings: [] });
    });
  }

  test("that are not UTF-8 cause a warning", () => {
    const { doors, warnings } = parse("[a]\nsequence=1\ncommand = B\ufffdro");
    assert.equal(doors.length, 1);
    assert.deepEqual(warnings, [
      "config: line 3: not valid UTF-8: the invalid bytes are read as \ufffd (/etc/k.conf: command = B\ufffdro)",
    ]);
  });
});

describe("sections", () => {
  test("may be in any order, and [options] may occur again", () => {
    const { options, doors } = parse(`
      [b]
        sequence = 2
      [options]
        UseSyslog
        LogFile = /l
        Interface = eth7
      [a]
        sequence = 1
      [options]
        interface = eth8
        PidFile = /p`);
    assert.deepEqual(options, {
      useSyslog: true,
      logFile: "/l",
      logFormat: "text",
      logSeconds: false,
      pidFile: "/p",
      interface: "eth7",
      stateFile: undefined,
      clientsState: undefined,
      onExit: "close",
      firewall: DEFAULT_FIREWALL,
      policy: {},
    });
    assert.deepEqual(doors, [door("b", "2"), door("a", "1")]);
  });

  test("with the same name are two doors", () => {
    const { doors } = parse("[a]\nsequence=1\ncommand=x\n[a]\nsequence=2");
    assert.deepEqual(doors, [door("a", "1", { startCommand: "x" }), door("a", "2")]);
  });

  const names = String.raw`a.b . a\.b __proto__ constructor toString x;y#z # ; [x] ] a[] a=b true line\t1 "x" Options OPTIONS`;
  for (const name of [...names.split(" "), " x y ", " ", "options ", "line 1", "\u2028", "x\r"]) {
    test(`keep their names exactly: ${JSON.stringify(name)}`, () => {
      const { doors, options } = parse(`[z]\nsequence=9\n[${name}]\nsequence=1\n[z]\nsequence=9`);
      assert.deepEqual(doors, [door("z", "9"), door(name, "1"), door("z", "9")]);
      assert.deepEqual(options, parse("").options);
    });
  }

  test("[Options], which 0.8 refuses as a door without a sequence, are the options", () => {
    assert.deepEqual(parse("[Options]\nUseSyslog = yes\ninterface = eth7").options, {
      ...parse("").options,
      useSyslog: true,
      interface: "eth7",
    });
    assert.match(refusal("[Options]\ncommand = x"), /section 'Options' has an empty knock sequence/);
    assert.match(refusal("[Options]\nlogfile = /l\nsequence = 1"), /line 2: .*logfile/);
  });

  test("are frozen, like everything else", () => {
    const config = parse("[a]\nsequence=1");
    for (const part of [config, config.options, config.doors[0]]) assert.ok(Object.isFrozen(part));
  });
});

describe("refused, with file, line and text:", () => {
  const inDoor = (line: string) => `[a]\nsequence=1\n${line}\n[b]\nsequence=2`;
  const table: [title: string, text: string, line: number, quoted: string, why: RegExp][] = [
    ["a directive outside a section", "\n sequence = 1\n[a]", 2, "sequence = 1", /must belong to a section/],
    ["UseSyslog outside a section", "UseSyslog", 1, "UseSyslog", /must belong to a section/],
    ["a ; comment", "; hello\n[a]", 1, "; hello", /must belong to a section/],
    ["a byte order mark", "\ufeff[a]\nsequence=1", 1, "\ufeff[a]", /must belong to a section/],
    ["a line with no =", inDoor("\tsequence"), 3, "sequence", /syntax error/],
    ["a line with no = that is empty but for a ;", inDoor(" ; "), 3, ";", /syntax error/],
    ["UseSyslog with more words", inDoor("UseSyslog yes"), 3, "UseSyslog yes", /syntax error/],
    ["a section that goes on behind its ]", inDoor("[c] # x"), 3, "[c] # x", /syntax error/],
    ["a section without a ]", inDoor("[c"), 3, "[c", /syntax error/],
    ["a client's secret, not repeated", inDoor("secret = GEZDGNBV"), 3, "secret = …", /syntax error: .*"secret"/],
    ["an unknown directive", inDoor("sequense = 1"), 3, "sequense = 1", /syntax error: .*"sequense"/],
    ["a directive by an object's name", inDoor("__proto__ = 1"), 3, "__proto__ = 1", /"__proto__"/],
    ["another one", inDoor("constructor = 1"), 3, "constructor = 1", /"constructor"/],
    ["an array of ini's", inDoor("command[] = 1"), 3, "command[] = 1", /"command\[\]"/],
    ["a directive with no name", inDoor("= 1"), 3, "= 1", /syntax error/],
    ["an unknown option", "[options]\nlog = /l", 2, "log = /l", /syntax error: .*"log"/],
    ["an option in a door", inDoor("LogFile = /l"), 3, "LogFile = /l", /"LogFile"/],
    ["a door's directive in [options]", "[options]\nSequence = 1", 2, "Sequence = 1", /"Sequence"/],
    ["an empty section name", inDoor("[]"), 3, "[]", /bad section name/],
    ["a port above 65535", "[a]\nsequence = 1,65536", 2, "sequence = 1,65536", /port 65536 is invalid/],
    ["another protocol", "[a]\nsequence = 1:sctp", 2, "sequence = 1:sctp", /unknown protocol/],
    ["more than 32 knocks", `[a]\nsequence=${"1,".repeat(32)}1`, 2, `sequence=${"1,".repeat(32)}1`, /too many ports/],
    ["an unknown flag", inDoor("tcpflags = syn,foo"), 3, "tcpflags = syn,foo", /unrecognized flag "FOO"/],
    ["UseSyslog that is neither yes nor no", inDoor("UseSyslog = maybe"), 3, "UseSyslog = maybe", /yes or no/],
    ["a NUL byte", inDoor("command = x\0y"), 3, "command = x\0y", /NUL/],
  ];
  for (const [title, text, line, quoted, why] of table) {
    test(title, () => {
      const message = refusal(text);
      assert.ok(message.startsWith(`config: line ${line}: `), message);
      assert.ok(message.endsWith(` (${FILE}: ${quoted})`), message);
      assert.match(message, why);
    });
  }

  test("a door without a sequence, at the line where it begins", () => {
    for (const rest of ["", "command = x\n", "[options]\n"]) {
      assert.equal(
        refusal(`\n[x y]\n${rest}[b]\nsequence=1`),
        `error: section 'x y' has an empty knock sequence (${FILE}: line 2)`,
      );
    }
  });

  test("a file of sequences that cannot be read or has no sequence", () => {
    const text = "[a]\none_time_sequences = /ot";
    const cannot = () => {
      throw new Error("/ot: No such file or directory");
    };
    assert.equal(
      refusal(text, cannot),
      `config: line 2: /ot: No such file or directory (${FILE}: one_time_sequences = /ot)`,
    );
    assert.equal(
      refusal(text, () => undefined),
      "config: line 2: no more sequences left in the one time sequences file for door a --> disabling the door " +
        `(${FILE}: one_time_sequences = /ot)`,
    );
  });
});
