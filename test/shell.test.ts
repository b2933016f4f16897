// Tests what is certain about a shell line. Whatever is uncertain yields no finding.
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { firstProgram, simpleCommands } from "../src/lint/shell.ts";

describe("the program that a line begins with", () => {
  const table: [line: string, program: string | undefined][] = [
    ["/sbin/iptables -A INPUT", "/sbin/iptables"],
    ["  nft add rule", "nft"],
    ["a;b", "a"],
    ["a&&b", "a"],
    ["a|b", "a"],
    ["a>b", "a"],
    ["a 'b c' $d `e` # f", "a"],
    ["./a", "./a"],
    ["", undefined],
    ["echo x", undefined],
    ["[ -e x ] && a", undefined],
    ["if true; then a; fi", undefined],
    [". /etc/x", undefined],
    ["A=b c", undefined],
    ["$A b", undefined],
    ["'a b' c", undefined],
    ["a'b' c", undefined],
    ["`a` b", undefined],
    ["a() { b; }", undefined],
    ["(a; b)", undefined],
    ["{ a; }", undefined],
    ["! a", undefined],
    ["~/a", undefined],
    ["/opt/*/a", undefined],
    ["%IP% a", undefined],
    [">x a", undefined],
  ];
  for (const [line, program] of table) {
    it(`${line}: ${program ?? "unknown"}`, () => assert.equal(firstProgram(line), program));
  }
});

describe("the commands of a line", () => {
  const table: [line: string, commands: [words: string, writes: string][] | undefined][] = [
    ["a b c", [["a b c", ""]]],
    ["a %IP% >/x/%IP%", [["a %IP%", "/x/%IP%"]]],
    ["a; b && c || d | e & f", ["a", "b", "c", "d", "e", "f"].map((one) => [one, ""])],
    ["a >/x b 2>>/y", [["a b", "/x /y"]]],
    ["a >/x 2>&1", [["a", "/x"]]],
    ["a > /x </z", [["a", "/x"]]],
    ["A=1 B=2 a b", [["a b", ""]]],
    [">/x", [["", "/x"]]],
    ["", []],
    ["a 'b'", undefined],
    ['a "b"', undefined],
    ["a $b", undefined],
    ["a $(b)", undefined],
    ["a `b`", undefined],
    ["a *", undefined],
    ["a # b", undefined],
    ["(a; b)", undefined],
    ["a <<x", undefined],
  ];
  for (const [line, commands] of table) {
    it(`${line}: ${commands === undefined ? "unknown" : JSON.stringify(commands)}`, () => {
      const found = simpleCommands(line)?.map(({ words, writes }) => [words.join(" "), writes.join(" ")]);
      assert.deepEqual(found, commands);
    });
  }
});

describe("any line", () => {
  const signs = fc.constantFrom(..."ab/.%=-12 \t;&|<>\"'$`(){}*#~!\n");
  it("is parsed, and only words that it contains are returned", () => {
    fc.assert(
      fc.property(fc.array(signs, { maxLength: 40 }), (letters) => {
        const line = letters.join("");
        const program = firstProgram(line);
        assert.ok(program === undefined || line.trimStart().startsWith(program));
        for (const { words, writes } of simpleCommands(line) ?? []) {
          for (const word of [...words, ...writes])
            assert.ok(word !== "" && !/[\s;&|]/.test(word) && line.includes(word));
        }
      }),
    );
  });

  it("is parsed quickly, however long it is", () => {
    for (const letter of ["1", "<", ">", " ", "a", ";", "&"]) {
      const line = letter.repeat(1 << 20);
      firstProgram(line);
      assert.equal(simpleCommands(line), undefined);
    }
  });
});
