// Compares which programs a shell line is said to run with what a real shell starts: none is missed.
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, describe, it } from "node:test";
import fc from "fast-check";
import { shellCommands } from "../src/runner/shell-line.ts";

const words = (line: string) =>
  shellCommands(line)?.map(({ words, overwrites, appends }) =>
    [words.join(" "), ...overwrites.map((file) => ` >${file}`), ...appends.map((file) => ` >>${file}`)]
      .join("")
      .replaceAll("\0", "?"),
  );

describe("shellCommands", () => {
  const cases: [line: string, commands: string[] | undefined][] = [
    ["", []],
    ["  ufw  allow\tfrom 10.77.0.2 ", ["ufw allow from 10.77.0.2"]],
    ["\t/usr/sbin/ufw  allow\tA=b ", ["/usr/sbin/ufw allow A=b"]],
    ["/bin/a=b %IP%", ["/bin/a=b %IP%"]],
    ["/bin/a;b", ["/bin/a", "b"]],
    ["/bin/a\u00a0b", ["/bin/a\u00a0b"]],
    ["a; b && c || d | e & f\ng", ["a", "b", "c", "d", "e", "f", "g"]],
    ["u\"f\"w 'a  b' c\\ d \\e", ["ufw a  b c d e"]],
    ['a "b\\"c\\d" "$x y" $z $\x7bz:-1} $? $((1 + $x)) $', ['a b"c\\d ? y ? ? ? ? $']],
    ["a *.txt b? [c] ~/d", ["a ?.txt b? ?c] ~/d"]],
    ['a $(b; c) `d \\`e\\`` "$(f)"', ["b", "c", "e", "d ?", "f", "a ? ? ?"]],
    ["A=b C=$(d) e", ["d", "e"]],
    ["A=b", []],
    ["if ! a; then b; elif c; then d; else e; fi >f", ["a", "b", "c", "d", "e", " >f"]],
    ["while a; do b; done", ["a", "b"]],
    ["for i in if $(a) b; do c $i; done", ["a", "c ?"]],
    ["{ a; (b; c); } 2>&1", ["a", "b", "c"]],
    ["( (a) )", ["a"]],
    ["a >f", ["a >f"]],
    ["a 2>f b", ["a b >f"]],
    ["a >| f", ["a >f"]],
    ["a <>f", ["a >f"]],
    ["a[ b", ["a? b"]],
    [">f", [" >f"]],
    ["a >>f <g 2>/dev/null >&2 2>&1 >/sys/class/gpio", ["a >>f"]],
    ["a # b; c", ["a"]],
    ["a b#c", ["a b#c"]],
    ["# a\nb", ["b"]],
    ["'if' a", ["if a"]],
    ["a\u00a0b \u2003", ["a\u00a0b \u2003"]],
    ["case a in a) b;; esac", undefined],
    ["case a in esac", undefined],
    ["a() { b; }", undefined],
    ["function a { b; }", undefined],
    ["for i in a & b; do c; done", undefined],
    ["a <<END", undefined],
    ["a 'b", undefined],
    ['a "b', undefined],
    ["a `b", undefined],
    ["a )", undefined],
    ["( a", undefined],
    ["a $'b'", undefined],
    ["a $\x7bb:-$(c)}", undefined],
    ["(".repeat(100_000), undefined],
    [`${"$(".repeat(5000)}a`, undefined],
    [`a ${"b".repeat(20_000)}`, undefined],
  ];
  for (const [line, commands] of cases) {
    it(`of ${JSON.stringify(line).slice(0, 60)}`, () => assert.deepEqual(words(line), commands));
  }

  it("ends for any text", () => {
    const part = fc.oneof(
      fc.constantFrom(..."ab =$()`'\"\\<>|&;#{}!*?[]~\n\t\r\u00a0", "$(", "${", "$((", "))"),
      fc.string(),
    );
    fc.assert(
      fc.property(fc.array(part, { maxLength: 40 }), (parts) => void shellCommands(parts.join(""))),
      { numRuns: 3000 },
    );
  });
});

describe("the programs that a shell starts", () => {
  const dir = mkdtempSync(join(tmpdir(), "knockd-shell-"));
  after(() => rmSync(dir, { recursive: true }));
  for (const name of ["p1", "p2", "p3"]) writeFileSync(join(dir, name), `echo ${name} >>"$RAN"\n`, { mode: 0o755 });

  it("are in the list, whatever stands around them", () => {
    const program = fc.constantFrom("p1", "p2", "p3");
    const { line } = fc.letrec<{ line: string }>((tie) => ({
      line: fc.oneof(
        { maxDepth: 3 },
        fc
          .tuple(program, fc.constantFrom("", " a", " 'a;p1'", ' "a|b"', " >/dev/null", " 2>&1", " # p1\n"))
          .map((two) => two.join("")),
        fc
          .tuple(tie("line"), fc.constantFrom("; ", " && ", " || ", " | ", " & ", "\n"), tie("line"))
          .map((three) => three.join("")),
        tie("line").map((inner) => `( ${inner}\n)`),
        tie("line").map((inner) => `{ ${inner}\n}`),
        tie("line").map((inner) => `echo "$(${inner}\n)"`),
        tie("line").map((inner) => `if ${inner}\nthen p2; else p3; fi`),
        tie("line").map((inner) => `for p1 in a p3; do ${inner}\ndone`),
        tie("line").map((inner) => `! ${inner}`),
        tie("line").map((inner) => `A=b ${inner}`),
      ),
    }));
    let understood = 0;
    fc.assert(
      fc.property(line, (text) => {
        const commands = shellCommands(text);
        if (commands === undefined) return;
        understood++;
        // Only of this line: what a subshell left in the background may write later.
        const file = join(dir, `ran${understood}`);
        writeFileSync(file, "");
        const env = { PATH: `${dir}:/usr/bin:/bin`, RAN: file };
        spawnSync("/bin/sh", ["-c", `${text}\nwait`], { env, stdio: "ignore" });
        const ran = new Set(readFileSync(file, "utf8").split("\n").filter(Boolean));
        const listed = new Set(commands.map(({ words }) => words[0]));
        assert.deepEqual(
          [...ran].filter((name) => !listed.has(name)),
          [],
          text,
        );
      }),
      { numRuns: 150 },
    );
    assert.ok(understood > 100, `${understood}`);
  });
});
