// Tests that knockd reads exactly what Debian's knockd 0.8 reads in a config: with -D, both print what they have read.
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import fc from "fast-check";
import type { Door } from "../../src/config/door.ts";
import { formatSequence } from "../../src/sequences/sequence.ts";
import { Daemon, type Which } from "./daemon.ts";
import { needsRoot, Wire } from "./wire.ts";

describe("side by side with knockd 0.8", { skip: needsRoot }, () => {
  let wire: Wire;
  before(async () => {
    wire = await Wire.open();
  });
  after(() => wire?.close());

  async function read(which: Which, config: string): Promise<string[]> {
    const daemon = await Daemon.start(wire, which, config, ["-c", "@dir@/knockd.conf", "-D", "-v"]);
    await daemon.stop();
    return daemon.stdout.split("\n").filter((line) => /^config: (?!new section: )/.test(line));
  }

  const printable = fc.string({
    unit: fc.constantFrom(...` \t\r"'\\=;#[]%$.,:!()ax0é😀\u2028\u00a0`),
    maxLength: 12,
  });
  const word = fc.constantFrom("", "true", "null", "[a]", "__proto__", "# x", "; y", "%IP%", '"x"', "'x'", "a[] = 1");
  const text = fc.tuple(printable, word, printable).map((parts) => parts.join(""));
  const knock = fc.tuple(fc.integer({ min: 1, max: 65535 }), fc.constantFrom("", ":udp", " : TCP", "\t"));
  const seconds = fc.constantFrom("1", "25", "007", "+3", "15 # seconds", "5.9");
  const section = fc
    .tuple(
      text.filter((name) => !["", "options"].includes(name)).map((name) => `[${name}]`),
      fc
        .array(knock, { minLength: 1, maxLength: 32 })
        .map((knocks) => `sequence=${knocks.map((it) => it.join("")).join(" ,")}`),
      fc.tuple(fc.constantFrom("Seq_Timeout", "timeout"), seconds),
      fc.tuple(fc.constantFrom("start_command", "COMMAND"), text),
      fc.tuple(fc.constantFrom("Start_Command_6", "command_6"), text),
      fc.tuple(fc.constant("cmd_timeout"), seconds),
      fc.tuple(fc.constant("stop_command"), text),
      fc.tuple(fc.constant("stop_command_6"), text),
    )
    .map(([name, sequence, ...rest]) => [name, sequence, ...rest.map((pair) => pair.join(" = "))].join("\n"));

  test("doors with odd names, values and notations are read the same way", async () => {
    const alike = async (sections: string[]) => {
      const config = sections.join("\n");
      const [judge, ours] = await Promise.all([read("judge", config), read("ours", config)]);
      assert.equal(judge.length, 7 * sections.length);
      assert.deepEqual(ours.flatMap(inJudgesWords), judge);
    };
    const sections = fc.array(section, { minLength: 20, maxLength: 30 });
    await fc.assert(fc.asyncProperty(sections, alike), { numRuns: 5, endOnFailure: true });
  });
});

/** What 0.8 prints for a door, derived from what ours prints. */
function inJudgesWords(line: string): string[] {
  const door: Door = JSON.parse(line.slice("config: ".length));
  return [
    `config: ${door.name}: sequence: ${formatSequence(door.sequence)}`,
    `config: ${door.name}: seq_timeout: ${door.seqTimeout}`,
    `config: ${door.name}: start_command: ${door.startCommand}`,
    `config: ${door.name}: start_command_6: ${door.startCommand6}`,
    `config: ${door.name}: cmd_timeout: ${door.cmdTimeout}`,
    `config: ${door.name}: stop_command: ${door.stopCommand}`,
    `config: ${door.name}: stop_command_6: ${door.stopCommand6}`,
  ];
}
