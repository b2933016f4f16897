// Tests the assembler: near and far jumps reach their labels. libpcap runs the programs (Capture.matches).

import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { Assembler, Label, MAX_INSTRUCTIONS } from "../src/capture/bpf/assembler.ts";
import { native } from "../src/platform/native.ts";

const [LOAD_BYTE, ADD, RETURN, NO_OP] = [0x30, 0x04, 0x06, 0x04]; // adding 0 does nothing
const [EQUAL, GREATER, AT_LEAST, ANY_BIT] = [0x15, 0x25, 0x35, 0x45];

const assemble = (build: (out: Assembler) => void) => {
  const out = new Assembler();
  build(out);
  return out.assemble()!;
};
const run = (program: Uint8Array, ...bytes: number[]) => native.Capture.matches(program, Uint8Array.from(bytes));
const pad = (out: Assembler, count: number) => {
  for (let i = 0; i < count; i++) out.op(NO_OP, 0);
};

describe("the assembler", () => {
  it("writes an instruction in the form of struct sock_filter", () => {
    const bytes = assemble((out) => {
      const end = new Label();
      out.op(LOAD_BYTE, 0x01020304).jump(EQUAL, 0xfffffffe, undefined, end).op(RETURN, 1).place(end).op(RETURN, 0);
    });
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    const little = new Uint8Array(Uint16Array.of(1).buffer)[0] === 1;
    const instructions = Array.from({ length: bytes.length / 8 }, (_, i) => [
      view.getUint16(i * 8, little),
      view.getUint8(i * 8 + 2),
      view.getUint8(i * 8 + 3),
      view.getUint32(i * 8 + 4, little),
    ]);
    assert.deepEqual(instructions, [
      [0x30, 0, 0, 0x01020304],
      [0x15, 0, 1, 0xfffffffe],
      [0x06, 0, 0, 1],
      [0x06, 0, 0, 0],
    ]);
  });

  // Both branches of one jump, over every distance near 255, the furthest that a jump can reach.
  for (const which of ["yes", "no", "both"] as const) {
    it(`reaches a label at any distance: ${which}`, () => {
      for (const between of [0, 1, 2, 100, 252, 253, 254, 255, 256, 257, 258, 600]) {
        for (const before of [0, 253, 254, 255, 256]) {
          const [first, second] = [new Label(), new Label()];
          const program = assemble((out) => {
            out.op(LOAD_BYTE, 0);
            out.jump(EQUAL, 7, which === "no" ? undefined : second, which === "yes" ? undefined : first);
            pad(out, before);
            if (which !== "both") out.op(RETURN, which === "yes" ? 0 : 1);
            out.place(first);
            out.op(RETURN, 0);
            pad(out, between);
            out.place(second).op(RETURN, 1);
          });
          assert.deepEqual([run(program, 7), run(program, 8)], [true, false], `${before}, ${between}`);
        }
      }
    });
  }

  it("lengthens only jumps that do not reach, each by one instruction", () => {
    const length = (between: number) =>
      assemble((out) => {
        const end = new Label();
        out.op(LOAD_BYTE, 0).jump(EQUAL, 7, end, undefined);
        pad(out, between);
        out.place(end).op(RETURN, 1);
      }).length / 8;
    assert.equal(length(255), 2 + 255 + 1);
    assert.equal(length(256), 2 + 256 + 1 + 1);
  });

  it("lengthens a jump that no longer reaches because another one was lengthened", () => {
    const [near, far] = [new Label(), new Label()];
    const program = assemble((out) => {
      out.op(LOAD_BYTE, 0).jump(EQUAL, 1, near, undefined); // 255 to `near`, 256 when the next one is stretched
      out.jump(EQUAL, 2, far, undefined);
      pad(out, 253);
      out.op(RETURN, 0).place(near).op(RETURN, 1);
      pad(out, 10);
      out.place(far).op(RETURN, 1);
    });
    assert.deepEqual([run(program, 1), run(program, 2), run(program, 3)], [true, true, false]);
  });

  it("returns a program of 4,096 instructions, but none of 4,097", () => {
    const out = new Assembler();
    pad(out, MAX_INSTRUCTIONS - 1);
    out.op(RETURN, 1);
    assert.equal(out.assemble()!.length, 8 * 4096);
    assert.equal(new Assembler().op(ADD, 0).place(new Label()).op(RETURN, 1).assemble()!.length, 16);
    out.op(RETURN, 1);
    assert.equal(out.assemble(), undefined);
  });

  it("preserves the meaning of any program of forward jumps", () => {
    const step = fc.record({
      kind: fc.constantFrom("always", "if", "if", "if"),
      code: fc.constantFrom(EQUAL, GREATER, AT_LEAST, ANY_BIT),
      k: fc.integer({ min: 0, max: 7 }),
      yes: fc.option(fc.integer({ min: 0, max: 4 }), { nil: undefined }), // that many instructions are skipped
      no: fc.option(fc.integer({ min: 0, max: 4 }), { nil: undefined }),
      padding: fc.constantFrom(0, 0, 1, 100, 254, 255, 256),
      add: fc.integer({ min: 1, max: 3 }), // runs if the jump is taken
    });
    type Step = typeof step extends fc.Arbitrary<infer T> ? T : never;
    const holds = ({ code, k }: Step, a: number) =>
      code === EQUAL ? a === k : code === GREATER ? a > k : code === AT_LEAST ? a >= k : (a & k) !== 0;
    const walk = (steps: readonly Step[], a: number) => {
      for (let i = 0; i < steps.length; ) {
        const one = steps[i]!;
        const skip = one.kind === "always" ? (one.yes ?? 0) : holds(one, a) ? one.yes : one.no;
        if (skip === undefined) a += one.add;
        i += 1 + (skip ?? 0);
      }
      return a;
    };
    const program = (steps: readonly Step[], expected: number) =>
      assemble((out) => {
        const labels = [...steps, undefined].map(() => new Label());
        const after = (i: number, skip: number | undefined) =>
          skip === undefined ? undefined : labels[Math.min(i + 1 + skip, steps.length)]!;
        out.op(LOAD_BYTE, 0);
        steps.forEach(({ kind, code, k, yes, no, padding, add }, i) => {
          out.place(labels[i]!);
          if (kind === "always") out.always(after(i, yes ?? 0)!);
          else out.jump(code, k, after(i, yes), after(i, no));
          pad(out, padding);
          out.op(ADD, add);
        });
        const other = new Label();
        out.place(labels.at(-1)!).jump(EQUAL, expected, undefined, other).op(RETURN, 1).place(other).op(RETURN, 0);
      });
    fc.assert(
      fc.property(fc.array(step, { minLength: 1, maxLength: 12 }), fc.integer({ min: 0, max: 8 }), (steps, input) => {
        const end = walk(steps, input);
        assert.ok(run(program(steps, end), input));
        assert.ok(!run(program(steps, end + 1), input));
      }),
      { numRuns: 500 },
    );
  });
});
