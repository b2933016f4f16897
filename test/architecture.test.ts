// Checks the imports between the rooms of src/. A forbidden import, even of a type alone, ties two rooms together, so
// that neither can be read, tested or replaced alone.
import assert from "node:assert/strict";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { describe, it } from "node:test";
import { fileURLToPath } from "node:url";

const src = fileURLToPath(new URL("../../src", import.meta.url));

/** See, decide, act, tell: they stand side by side and meet in the plain values of events/. */
const FOUR = ["capture", "attempts", "doors", "log"];
/** The foundation: every room may import these, and they import nothing above. */
const GROUND = ["net", "platform", "terminal"];

interface Import {
  readonly from: string;
  readonly to: string;
}

/** What the rooms above are built on. None of them knows a packet's path. */
const LOWER = ["runner", "firewall", "sequences", "codes", "config", "events", ...GROUND];
/** Only these files may load native code. */
const NATIVE = ["platform/native.ts", "platform/single-executable.ts"];

const files = walk(src);
const texts = new Map(files.map((file) => [file, readFileSync(join(src, file), "utf8")]));
const imports = [...texts].flatMap(([file, text]) => importsOf(file, text));

describe("the rooms of src/", () => {
  it("are read with all their imports", () => {
    assert.ok(files.length > 150, `${files.length} files were read`);
    assert.ok(imports.length > 500, `${imports.length} imports were read`);
  });

  it("contain no computed import, which would hide from this test", () => {
    const computed = [...texts].filter(([, text]) => /\b(?:import|require)\s*\((?!\s*["'`])/.test(text));
    assert.deepEqual(
      computed.map(([file]) => file),
      [],
    );
    const missing = imports.filter(({ to }) => !existsSync(join(src, to)));
    assert.deepEqual(missing, []);
  });
  it("import nothing outside src/, such as a helper of the tests", () => {
    assert.deepEqual(
      imports.filter(({ to }) => to.startsWith("..")),
      [],
    );
  });
  it("load native code in platform/ alone", () => {
    const loading = [...texts].filter(([, text]) => /node-gyp-build|\bdlopen\b|\.node["'`]/.test(text));
    assert.deepEqual(loading.map(([file]) => file).sort(), NATIVE);
  });

  for (const room of FOUR) {
    never(
      `${room} imports neither of the other three`,
      (from, to) => from === room && to !== room && FOUR.includes(to),
    );
  }
  it("only the commands and daemon/ import daemon/; replay/ takes its packet loop, to drive it on another clock", () => {
    const found = imports.filter(({ from, to }) => {
      const room = roomOf(from);
      if (roomOf(to) !== "daemon" || room === "" || room === "daemon") return false;
      return !(room === "replay" && to === "daemon/packet-loop.ts");
    });
    assert.deepEqual(found, []);
  });
  never(
    "history/ imports none of the four: it observes packets by the interface in events/",
    (from, to) => from === "history" && FOUR.includes(to),
  );
  never("config imports none of the four", (from, to) => from === "config" && FOUR.includes(to));
  never(
    "control and knockctl import none of the four: they share the plain values of events/",
    (from, to) => ["control", "knockctl"].includes(from) && FOUR.includes(to),
  );
  never(
    "the lower rooms import none of the upper ones: nothing runs back up",
    (from, to) => LOWER.includes(from) && !LOWER.includes(to),
  );
  never("the ground floor imports nothing above", (from, to) => GROUND.includes(from) && !GROUND.includes(to));
  never(
    "codes/ imports the ground floor and events/ alone, so that a client program can take it as it is",
    (from, to) => from === "codes" && !["codes", "events", ...GROUND].includes(to),
  );
  never(
    "firewall/ knows net/, platform/ and config/ alone",
    (from, to) => from === "firewall" && !["firewall", "net", "platform", "config"].includes(to),
  );
  never("events/ knows none of the four", (from, to) => from === "events" && FOUR.includes(to));
  it("the events are plain values: they know addresses, but no door with its commands", () => {
    const found = imports.filter(({ from, to }) => /^events\/.*-event\.ts$/.test(from) && !/^(events|net)\//.test(to));
    assert.deepEqual(found, []);
  });
  never("nothing imports the commands at the top", (_, to) => to === "");
});

it("no files import each other in a circle", () => {
  assert.deepEqual(circles(imports), []);
});

describe("the check itself", () => {
  it("finds an import of each form", () => {
    const text = `import { a } from "../log/messages.ts";
import type { B } from "../doors/ledger.ts";
export { c } from "./filter.ts";
const d = await import("../capture/records.ts");
import "../platform/native.ts";
type T = import("../net/packet.ts").Packet;
export * from "../net/address.ts";
const g = import(
  \`../config/door.ts\`,
);
const h = createRequire(import.meta.url)('../runner/runner.ts');
import {
  e,
  f,
} from "../attempts/attempts.ts";`;
    assert.deepEqual(
      importsOf("capture/bpf.ts", text).map(({ to }) => to),
      [
        "log/messages.ts",
        "doors/ledger.ts",
        "capture/filter.ts",
        "capture/records.ts",
        "platform/native.ts",
        "net/packet.ts",
        "net/address.ts",
        "config/door.ts",
        "runner/runner.ts",
        "attempts/attempts.ts",
      ],
    );
  });

  it("finds a circle of three, and none in a chain", () => {
    const edges = (...pairs: [string, string][]) => pairs.map(([from, to]) => ({ from, to }));
    assert.deepEqual(circles(edges(["a", "b"], ["b", "c"], ["c", "a"])), ["a -> b -> c -> a"]);
    assert.deepEqual(circles(edges(["a", "b"], ["b", "c"], ["a", "c"])), []);
  });
});

function never(sentence: string, isForbidden: (fromRoom: string, toRoom: string) => boolean): void {
  it(sentence, () => {
    const found = imports.filter(({ from, to }) => isForbidden(roomOf(from), roomOf(to)));
    assert.deepEqual(
      found.map(({ from, to }) => `${from} imports ${to}`),
      [],
    );
  });
}

/** The first folder below src/. Empty for the three programs, which are in src/ itself. */
function roomOf(file: string): string {
  return file.includes("/") ? file.split("/")[0]! : "";
}

/** Every relative path in quotes that ends like a script's, in any form of import. */
function importsOf(file: string, text: string): Import[] {
  const found = text.matchAll(/(["'`])(\.{1,2}\/[^"'`\n]*\.[cm]?[jt]s)\1/g);
  return [...found].map(([, , path]) => ({ from: file, to: join(dirname(file), path!) }));
}

/** Depth-first: a file that is reached again while it is being visited closes a cycle. */
function circles(edges: readonly Import[]): string[] {
  const next = new Map<string, string[]>();
  for (const { from, to } of edges) next.set(from, [...(next.get(from) ?? []), to]);
  const found: string[] = [];
  const done = new Set<string>();
  const visit = (file: string, path: readonly string[]): void => {
    const at = path.indexOf(file);
    if (at >= 0) {
      found.push([...path.slice(at), file].join(" -> "));
      return;
    }
    if (done.has(file)) return;
    for (const to of next.get(file) ?? []) visit(to, [...path, file]);
    done.add(file);
  };
  for (const file of next.keys()) visit(file, []);
  return found;
}

function walk(folder: string): string[] {
  return readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) return walk(path);
    return entry.name.endsWith(".ts") && !entry.name.endsWith(".d.ts") ? [relative(src, path)] : [];
  });
}
