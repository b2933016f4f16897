import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { markdown } from "../../src/report/render/markdown.ts";
import { LONG } from "../../src/report/render/sections.ts";
import { EVIL, empty, evil, HARMFUL } from "./sample.ts";

const ports = (service: string) => [{ protocol: "tcp", port: 22, service, attempts: 1000, sources: 5 }];

describe("the Markdown", () => {
  it("has tables", () => {
    assert.equal(
      markdown(
        { ...empty, ports: ports("ssh"), sourcesOfData: [{ name: "A", licence: "B", link: "https://c/" }] },
        LONG,
      ),
      `# Who was at the door

0 attempts from 0 sources

## Ports

| port | service | attempts | sources |
| --- | --- | ---: | ---: |
| tcp/22 | SSH | 1000 | 5 |

Locations: A (B) <https://c/>
`,
    );
  });

  it("cannot be broken by text in the tables", () => {
    assert.doesNotMatch(markdown(evil, LONG), HARMFUL);
    const cells = (line: string) => line.replace(/\\./g, "").split("|").length;
    fc.assert(
      fc.property(
        fc.oneof(
          fc.string({ unit: "binary" }),
          fc.constant(EVIL),
          fc.string({ unit: fc.constantFrom("\\", "|", "<", "`", "a", " ") }),
        ),
        (text) => {
          const lines = markdown({ ...empty, ports: ports(text) }, LONG).split("\n");
          assert.equal(lines.length, 12);
          const [head, , row] = lines.filter((line) => line.startsWith("|")) as [string, string, string];
          assert.equal(cells(row), cells(head), row);
          assert.doesNotMatch(row, /[<>]|(?<!\\)(\\\\)*[`*_[\]~]/);
        },
      ),
    );
  });
});
