// A small assembler for the kernel's packet filter language (classic BPF, linux/filter.h), with labels.
// A conditional jump reaches at most 255 instructions. A longer one goes through an unconditional jump (a trampoline).

/**
 * Instruction codes: loads (relative to X; `abs` relative to the packet's start), arithmetic, moves, jumps and the
 * return.
 */
export const OP = {
  ldb: 0x50,
  ldh: 0x48,
  ld: 0x40,
  absb: 0x30,
  absh: 0x28,
  mem: 0x60,
  memx: 0x61,
  immx: 0x01,
} as const;
export const ALU = {
  st: 0x02,
  stx: 0x03,
  add: 0x04,
  addx: 0x0c,
  and: 0x54,
  lsh: 0x64,
  rsh: 0x74,
  tax: 0x07,
  txa: 0x87,
} as const;
export const JUMP = { eq: 0x15, gt: 0x25, ge: 0x35, set: 0x45 } as const;
export const RET = 0x06;

export class Label {
  at = -1;
}

interface Instruction {
  readonly code: number;
  readonly k: number;
  /** The target of a jump. Undefined: the next instruction. */
  readonly yes?: Label | undefined;
  readonly no?: Label | undefined;
  farYes: boolean;
  farNo: boolean;
}

const JA = 0x05;
/** The kernel's limit (BPF_MAXINSNS). */
export const MAX_INSTRUCTIONS = 4096;

export class Assembler {
  readonly #items: (Instruction | Label)[] = [];

  /** Puts the label at the current position. */
  place(label: Label): this {
    this.#items.push(label);
    return this;
  }

  /** Adds an instruction that is no jump. */
  op(code: number, k = 0): this {
    this.#items.push({ code, k, farYes: false, farNo: false });
    return this;
  }

  /** Adds a conditional jump. Without a label, execution continues at the next instruction. */
  jump(code: number, k: number, yes: Label | undefined, no: Label | undefined): this {
    this.#items.push({ code, k, yes, no, farYes: false, farNo: false });
    return this;
  }

  always(label: Label): this {
    this.#items.push({ code: JA, k: 0, yes: label, farYes: false, farNo: false });
    return this;
  }

  /** The program: eight bytes per instruction, in this machine's byte order. Undefined when it is too long. */
  assemble(): Uint8Array | undefined {
    let length = this.#layOut();
    while (this.#stretch()) length = this.#layOut();
    if (length > MAX_INSTRUCTIONS) return undefined;
    const halves = new Uint16Array(length * 4);
    const bytes = new Uint8Array(halves.buffer);
    const words = new Uint32Array(halves.buffer);
    let at = 0;
    const emit = (code: number, jt: number, jf: number, k: number) => {
      halves[at * 4] = code;
      bytes[at * 8 + 2] = jt;
      bytes[at * 8 + 3] = jf;
      words[at * 2 + 1] = k;
      at++;
    };
    for (const item of this.#items) {
      if (item instanceof Label) continue;
      const { code, k, yes, no, farYes, farNo } = item;
      if (code === JA) {
        emit(JA, 0, 0, yes!.at - at - 1);
        continue;
      }
      const next = at + size(item);
      let trampoline = 0; // the trampolines follow directly, the one for "yes" first
      const jt = farYes ? trampoline++ : (yes?.at ?? next) - at - 1;
      const jf = farNo ? trampoline++ : (no?.at ?? next) - at - 1;
      const conditional = yes !== undefined || no !== undefined;
      emit(code, conditional ? jt : 0, conditional ? jf : 0, k);
      if (farYes) emit(JA, 0, 0, yes!.at - at - 1);
      if (farNo) emit(JA, 0, 0, no!.at - at - 1);
    }
    return bytes;
  }

  #layOut(): number {
    let at = 0;
    for (const item of this.#items) {
      if (item instanceof Label) item.at = at;
      else at += size(item);
    }
    return at;
  }

  /** Marks the jumps that do not reach their target. Returns true when there were new ones. */
  #stretch(): boolean {
    let stretched = false;
    let at = 0;
    for (const item of this.#items) {
      if (item instanceof Label) continue;
      const reaches = (label: Label | undefined) => label === undefined || label.at - at - 1 <= 255;
      if (item.code !== JA && !item.farYes && !reaches(item.yes)) stretched = item.farYes = true;
      if (item.code !== JA && !item.farNo && !reaches(item.no)) stretched = item.farNo = true;
      at += size(item);
    }
    return stretched;
  }
}

function size(instruction: Instruction): number {
  return 1 + Number(instruction.farYes) + Number(instruction.farNo);
}
