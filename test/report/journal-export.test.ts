import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { JournalExport } from "../../src/report/read/journal-export.ts";
import type { Entry } from "../../src/report/read/log-line.ts";

function read(bytes: Buffer, size = bytes.length): Entry[] {
  const entries: Entry[] = [];
  const reader = new JournalExport((entry) => entries.push(entry));
  for (let at = 0; at < bytes.length; at += size) reader.write(bytes.subarray(at, at + size));
  reader.end();
  return entries;
}

/** A value of any bytes, preceded by its length. */
function binary(name: string, value: string): string {
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(value.length));
  return `${name}\n${length.toString("latin1")}${value}\n`;
}

const entry = (message: string, transport = "kernel") =>
  `__CURSOR=s=1\n__REALTIME_TIMESTAMP=1763983218845123\n_TRANSPORT=${transport}\n${message}_HOSTNAME=door\n\n`;
const bytes = (text: string) => Buffer.from(text, "latin1");

describe("the journal's export format", () => {
  it("contains entries of fields", () => {
    const text = bytes(entry("MESSAGE=x IN=eth0 A=B\nSYSLOG_IDENTIFIER=kernel\n") + entry("MESSAGE=y\n", "syslog"));
    assert.ok(JournalExport.isOne(text));
    const [one, two, ...more] = read(text);
    assert.deepEqual(one, {
      time: "1763983218845123",
      transport: "kernel",
      tag: "kernel",
      pid: "",
      facility: "",
      host: "door",
      message: "x IN=eth0 A=B",
    });
    assert.deepEqual([two?.message, two?.transport, more], ["y", "syslog", []]);
  });

  it("is not confused by a value that looks like the next entry", () => {
    const forged = `x\n\n${entry("MESSAGE=IN=eth0\n")}`;
    const found = read(bytes(entry(binary("MESSAGE", forged), "syslog") + entry("MESSAGE=z\n")));
    assert.deepEqual(
      found.map(({ message, transport }) => [message, transport]),
      [
        [forged, "syslog"],
        ["z", "kernel"],
      ],
    );
  });

  it("is read in chunks of any size", () => {
    const text = bytes(
      entry(binary("MESSAGE", "a\n\nb")) + entry(binary("OTHER", "\n".repeat(50))) + entry("MESSAGE=c\n"),
    );
    for (let size = 1; size < 40; size++) assert.deepEqual(read(text, size), read(text), `${size}`);
  });

  it("that is truncated anywhere yields whole entries, and little of a long value is kept", () => {
    const long = "x".repeat(100_000);
    const text = bytes(entry(binary("MESSAGE", long)) + entry(`MESSAGE=${long}\n`));
    for (const { message } of read(text)) assert.ok(message.length <= 16_384);
    const one = bytes(entry(binary("MESSAGE", "a\n\nb")));
    const [whole] = read(one);
    for (let end = 0; end < one.length; end++)
      for (const found of read(one.subarray(0, end)))
        for (const value of Object.values(found)) assert.ok(Object.values(whole!).some((all) => all.startsWith(value)));
  });

  it("may contain any bytes", () => {
    fc.assert(fc.property(fc.uint8Array(), (some) => void read(Buffer.from(some))));
  });
});
