// Tests arbitrary text as knockd.conf: it is parsed or refused, and what is parsed can be read back exactly. The code
// that protects the library ini from such text must withstand this.
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import { type Config, ConfigError } from "../src/config/door.ts";
import { parseConfig } from "../src/config/parse.ts";
import { parseSequence } from "../src/sequences/sequence.ts";

const FILE = "/etc/k.conf";
const parse = (text: string): Config => parseConfig(text, FILE, (path) => parseSequence(path === "" ? "1" : "2,3"));

const words = `[ ] [] [a] [a.b] [options] [Options] [__proto__] = == sequence Sequence=1 command seq_timeout tcpflags target
  UseSyslog one_time_sequences Reknock Seq_Cooldown Max_Strays Strict Ban_Time Command_Timeout Parallel StateFile On_Exit extend yes keep # ; \\ \\; " "" ' , : ! syn udp 0 7000 -1 65536 1e9 true false null a[] __proto__ constructor é
  \u2028 \ufeff \ufffd`;
const token = fc.constantFrom(...words.split(/ |\n +/), "\n", "\n\n", "\r\n", " ", "\t", " = ", "\0");
const anything = fc.string({ unit: "binary" });

describe("any text", () => {
  const soup = fc.oneof(
    fc.array(fc.oneof({ weight: 9, arbitrary: token }, anything), { maxLength: 40 }),
    fc.array(token, { maxLength: 12 }).map((rest) => ["[a]\nsequence = 1\n", ...rest]),
  );

  test("is either parsed or refused, and nothing else happens", () => {
    const seen = { parsed: 0, refused: 0 };
    const check = (parts: string[]) => {
      try {
        const { doors, warnings } = parse(parts.join(""));
        for (const { sequence } of doors) assert.ok(sequence.length >= 1 && sequence.length <= 32);
        for (const warning of warnings) assert.match(warning, /^config: line \d+: .+ \(\/etc\/k\.conf: /s);
        seen.parsed++;
      } catch (error) {
        if (!(error instanceof ConfigError)) throw error;
        assert.match(error.message, /\(\/etc\/k\.conf: /);
        seen.refused++;
      }
    };
    fc.assert(fc.property(soup, check), { numRuns: 3000 });
    assert.ok(seen.parsed > 100 && seen.refused > 100, JSON.stringify(seen)); // otherwise there is too little text
  });
});

describe("a config of any doors", () => {
  const blanks = fc.string({ unit: fc.constantFrom(" ", "\t", "\r", "\v", "\f"), maxLength: 2 });
  const oneLine = fc
    .oneof(
      fc.array(token, { maxLength: 6 }).map((parts) => parts.join("")),
      anything,
    )
    .map((text) => text.replace(/[\n\0\ufffd]/g, "")); // a warning names the last one
  const comment = oneLine.map((text) => `#${text}`);
  const filler = fc.array(fc.oneof(blanks, comment), { maxLength: 2 });

  const fields = {
    command: "startCommand",
    start_command: "startCommand",
    command_6: "startCommand6",
    start_command_6: "startCommand6",
    stop_command: "stopCommand",
    stop_command_6: "stopCommand6",
  } as const;
  const directive = fc.record({
    key: fc.constantFrom(...(Object.keys(fields) as (keyof typeof fields)[])),
    upper: fc.integer({ min: 0, max: 0x7fff }),
    value: oneLine.map((text) => text.replace(/^[ \t\r\v\f]+|[ \t\r\v\f]+$/g, "")),
    around: fc.tuple(blanks, blanks, blanks, blanks),
    filler,
  });
  const section = fc.record({
    name: oneLine.filter((text) => text !== "" && text !== "options"),
    port: fc.integer({ min: 1, max: 65535 }),
    directives: fc.array(directive, { maxLength: 5 }),
    around: fc.tuple(blanks, blanks),
    filler,
  });
  type Generated<A> = A extends fc.Arbitrary<infer T> ? T : never;

  function written({ name, port, directives, around, filler }: Generated<typeof section>): string[] {
    const lines = directives.flatMap(({ key, upper, value, around: [a, b, c, d], filler }) => {
      const anyCase = [...key].map((letter, i) => (upper & (1 << i) ? letter.toUpperCase() : letter)).join("");
      return [...filler, `${a}${anyCase}${b}=${c}${value}${d}`];
    });
    return [...filler, `${around[0]}[${name}]${around[1]}`, `sequence = ${port}`, ...lines];
  }

  function meant({ name, port, directives }: Generated<typeof section>) {
    const commands = Object.fromEntries(Object.values(fields).map((field) => [field, undefined as string | undefined]));
    for (const { key, value } of directives) commands[fields[key]] = value;
    return { name, sequence: [{ protocol: "tcp", port }], ...commands };
  }

  test("is parsed back exactly", () => {
    const roundTrip = (sections: Generated<typeof section>[]) => {
      const { doors, warnings, options } = parse(sections.flatMap(written).join("\n"));
      const read = doors.map(({ name, sequence, startCommand, startCommand6, stopCommand, stopCommand6 }) => {
        return { name, sequence, startCommand, startCommand6, stopCommand, stopCommand6 };
      });
      assert.deepEqual(read, sections.map(meant));
      assert.deepEqual({ warnings, options }, { warnings: [], options: parse("").options });
    };
    fc.assert(fc.property(fc.array(section, { maxLength: 4 }), roundTrip), { numRuns: 1500 });
  });

  test("with a bad line in it is refused with the number and text of that line", () => {
    const naming = (sections: Generated<typeof section>[], filler: string[]) => {
      const before = ["[a]", "sequence = 1", ...sections.flatMap(written), ...filler];
      const text = [...before, "\tfoo = x ", "bar"].join("\n");
      const why = 'syntax error: unknown directive "foo" in a door';
      assert.throws(() => parse(text), new ConfigError(`config: line ${before.length + 1}: ${why} (${FILE}: foo = x)`));
    };
    fc.assert(fc.property(fc.array(section, { maxLength: 2 }), filler, naming), { numRuns: 300 });
  });
});
