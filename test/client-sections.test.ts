// Tests that a section that is read as a whole gives the same as one that is read line by line.
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { ClientSections, ClientsError } from "../src/codes/client-sections.ts";

const DIRECTIVES = ["door", "kind", "secret", "ports", "digits", "proto", "from", "hours", "expires", "bind"] as const;

interface Section {
  readonly name: string;
  readonly line: number;
  readonly values: readonly (string | undefined)[];
  /** The message of a complaint about each directive, which names its line. */
  readonly complaints: readonly string[];
}

/** Each section, or the message of the error at the end. */
function sectionsOf(text: string): (Section | string)[] {
  const sections = new ClientSections(text, "clients");
  const all: (Section | string)[] = [];
  try {
    while (sections.next()) {
      const values = DIRECTIVES.map((one) => sections.read(one, (value) => value));
      const present = DIRECTIVES.filter((_, i) => values[i] !== undefined);
      all.push({
        name: sections.name,
        line: sections.line,
        values,
        complaints: present.map((one) => sections.refuse(one, "wrong").message),
      });
    }
  } catch (error) {
    if (!(error instanceof ClientsError)) throw error;
    all.push(error.message);
  }
  return all;
}

// Most sections have nothing that prevents reading them as a whole.
const mostly = (usual: string, ...others: string[]) =>
  fc.oneof({ weight: 30, arbitrary: fc.constant(usual) }, fc.constantFrom(...others));
const blank = mostly("", " ", "\t", "  ");
const value = fc.oneof(
  fc.constantFrom(
    "phone",
    "a b",
    "203.0.113.0/24, 2001:db8::/32",
    "x # y",
    "#",
    "",
    "a=b",
    "[a]",
    "Mon-Fri 08:00-18:00",
  ),
  fc.string({ maxLength: 8 }).map((text) => text.replaceAll(/[\n[]/g, "")),
);
const line = (directive: string) =>
  fc.tuple(blank, blank, blank, value, blank).map(([a, b, c, text, d]) => `${a}${directive}${b}=${c}${text}${d}\n`);
const directive = fc.oneof(
  { weight: 9, arbitrary: fc.constantFrom(...DIRECTIVES) },
  fc.constantFrom("Door", "unknown"),
);
const body = fc
  .tuple(fc.uniqueArray(directive), fc.boolean())
  .map(([names, isSorted]) => (isSorted ? DIRECTIVES.filter((one) => names.includes(one)) : names))
  .chain((names) => fc.tuple(...names.map(line)))
  .map((lines) => lines.join(""));
const header = fc
  .tuple(blank, fc.oneof(fc.constantFrom("phone", "a.b-c_9"), mostly("x", " spaced ", "ä", "two words")), blank)
  .map(([a, name, b]) => `${a}[${name}]${b}\n`);
const gap = fc.oneof(fc.constantFrom("", "\n", "\n\n"), mostly("", " \n"));
const section = fc.tuple(gap, header, body);

/** The message, as if the text had fewer lines before. */
const movedBack = (message: string, lines: number) =>
  message.replace(/^clients:(\d+)/, (_, line) => `clients:${Number(line) - lines}`);

describe("the sections of a clients file", () => {
  it("are the same whether they are read as a whole or line by line", () => {
    let sections = 0;
    fc.assert(
      fc.property(fc.array(section, { maxLength: 4 }), fc.constantFrom("", "\n", "\n\n"), (parts, end) => {
        const text = parts.map((part) => part.join("")).join("") + end;
        const commented = parts.map(([gap, header, body]) => `${gap}${header}# a comment\n${body}`).join("") + end;
        // A comment moves the directives of its own section by a line, and those of the sections after it.
        const expected = sectionsOf(commented).map((one, before) =>
          typeof one === "string"
            ? movedBack(one, before + 1)
            : {
                ...one,
                line: one.line - before,
                complaints: one.complaints.map((message) => movedBack(message, before + 1)),
              },
        );
        assert.deepEqual(sectionsOf(text), expected);
        sections += expected.filter((one) => typeof one !== "string").length;
      }),
      { numRuns: 3000 },
    );
    assert.ok(sections > 1000, `${sections}`);
  });

  it("end at a line in brackets only. Any other one is a wrong directive of its section", () => {
    for (const line of ["[b", "[b] # office", "[b]x", "[b]]x"]) {
      const expected = ['clients:3: unknown directive of a client: "…"'];
      assert.deepEqual(sectionsOf(`[a]\ndoor = ssh\n${line}\nports = 71\n`), expected, line);
    }
  });
});
