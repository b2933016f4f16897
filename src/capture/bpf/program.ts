// Writes the BPF program: from the link-layer header onwards, it decides whether a packet passes. It reads a packet as
// native/decode.cc does.
//
// Loads behind the link-layer header are relative to X, and their constant includes the header's length. For a cooked
// capture libpcap rewrites these constants to the kernel's offsets, which is impossible for a constant below the
// header's length.

import { type Address, isIpv4 } from "../../net/address.ts";
import type { PortRange } from "../../net/port-range.ts";
import { TCP_FLAG_BITS } from "../../net/tcp-flags.ts";
import { ALU, Assembler, JUMP, Label, OP, RET } from "./assembler.ts";
import type { Body, PortClass } from "./port-classes.ts";

const WHOLE = 0x40000;
const [ETHER_IPV4, ETHER_IPV6, VLAN_TYPES] = [0x0800, 0x86dd, [0x8100, 0x88a8, 0x9100]] as const;
/** The same limits as in native/decode.cc. */
const [MAX_VLAN_TAGS, MAX_EXTENSIONS] = [3, 6] as const;

/** The program's memory words: where the network layer begins (as X), and what was read from the packet. */
const M = { network: 0, protocol: 1, port: 2, flags: 3 } as const;

export class FilterProgram {
  readonly #link: number;
  readonly #out = new Assembler();
  readonly #reject = new Label();
  readonly #accept = new Label();
  readonly #followed: Address | undefined;

  constructor(linkLength: number, followed: Address | undefined) {
    this.#link = linkLength;
    this.#followed = followed;
  }

  /** Undefined when the kernel would reject it as too long. `etherType`: its offset in the link-layer header. */
  build(etherType: number | undefined, bodies: readonly Body[]): Uint8Array | undefined {
    const [ipv4, ipv6] = [new Label(), new Label()];
    const labels = bodies.map(({ addresses }) => ({ addresses, label: new Label() }));
    this.#out.op(OP.immx, 0).op(ALU.txa).op(ALU.st, M.flags); // the kernel requires that memory is written before it is read
    if (etherType === undefined) this.#version(ipv4, ipv6);
    else this.#etherType(etherType, ipv4, ipv6);
    this.#ipv4(ipv4, labels);
    this.#ipv6(ipv6, labels);
    bodies.forEach(({ classes }, i) => {
      this.#out.place(labels[i]!.label);
      this.#body(classes);
    });
    this.#out.place(this.#accept).op(RET, WHOLE);
    this.#out.place(this.#reject).op(RET, 0);
    return this.#out.assemble();
  }

  #version(ipv4: Label, ipv6: Label): void {
    this.#out.op(OP.absb, this.#link).op(ALU.rsh, 4);
    this.#out.jump(JUMP.eq, 4, ipv4, undefined).jump(JUMP.eq, 6, ipv6, this.#reject);
  }

  #etherType(at: number, ipv4: Label, ipv6: Label): void {
    this.#out.op(OP.absh, at);
    for (let tags = 0; ; tags++) {
      const tagged = new Label();
      this.#out.jump(JUMP.eq, ETHER_IPV4, ipv4, undefined).jump(JUMP.eq, ETHER_IPV6, ipv6, undefined);
      if (tags === MAX_VLAN_TAGS) break;
      for (const type of VLAN_TYPES) this.#out.jump(JUMP.eq, type, tagged, undefined);
      this.#out.always(this.#reject).place(tagged);
      this.#out.op(OP.immx, 4 * (tags + 1)).op(OP.absh, this.#link + 4 * tags + 2);
    }
    this.#out.always(this.#reject);
  }

  #ipv4(here: Label, bodies: readonly { addresses: readonly Address[] | undefined; label: Label }[]): void {
    const [out, link, transport] = [this.#out, this.#link, new Label()];
    out.place(here).op(ALU.stx, M.network);
    out.op(OP.ldh, link + 6).jump(JUMP.set, 0x1fff, this.#reject, undefined); // not the first fragment
    out.op(OP.ldb, link + 9).op(ALU.st, M.protocol);
    out.op(OP.ldb, link).op(ALU.and, 0x0f).op(ALU.lsh, 2).op(ALU.addx).op(ALU.tax).op(OP.mem, M.protocol);
    out.jump(JUMP.eq, 6, transport, undefined).jump(JUMP.eq, 17, transport, this.#reject).place(transport);
    this.#transport();
    const followed = this.#followed;
    if (followed !== undefined && isIpv4(followed)) this.#follow([[12, followed.w3]]);
    for (const { addresses, label } of bodies) {
      if (addresses === undefined) out.always(label);
      for (const { w3 } of (addresses ?? []).filter(isIpv4)) {
        out.op(OP.ld, link + 16).jump(JUMP.eq, w3, label, undefined);
      }
    }
    out.always(this.#reject);
  }

  #ipv6(here: Label, bodies: readonly { addresses: readonly Address[] | undefined; label: Label }[]): void {
    const [out, link, transport] = [this.#out, this.#link, new Label()];
    out.place(here).op(ALU.stx, M.network);
    out.op(OP.ldb, link + 6).op(ALU.st, M.protocol);
    this.#skip(() => out.op(ALU.txa).op(ALU.add, 40));
    for (let extensions = 0; ; extensions++) {
      const [options, fragment, authentication, next] = [new Label(), new Label(), new Label(), new Label()];
      out.jump(JUMP.eq, 6, transport, undefined).jump(JUMP.eq, 17, transport, undefined);
      if (extensions === MAX_EXTENSIONS) break;
      for (const type of [0, 43, 60, 135]) out.jump(JUMP.eq, type, options, undefined);
      out.jump(JUMP.eq, 44, fragment, undefined).jump(JUMP.eq, 51, authentication, this.#reject);
      out.place(options).op(OP.ldb, link).op(ALU.st, M.protocol);
      this.#skip(() =>
        out
          .op(OP.ldb, link + 1)
          .op(ALU.add, 1)
          .op(ALU.lsh, 3)
          .op(ALU.addx),
      );
      out.always(next);
      out.place(authentication).op(OP.ldb, link).op(ALU.st, M.protocol);
      this.#skip(() =>
        out
          .op(OP.ldb, link + 1)
          .op(ALU.add, 2)
          .op(ALU.lsh, 2)
          .op(ALU.addx),
      );
      out.always(next);
      out
        .place(fragment)
        .op(OP.ldh, link + 2)
        .jump(JUMP.set, 0xfff8, this.#reject, undefined);
      out.op(OP.ldb, link).op(ALU.st, M.protocol);
      this.#skip(() => out.op(ALU.txa).op(ALU.add, 8));
      out.place(next);
    }
    out.always(this.#reject).place(transport).op(ALU.st, M.protocol);
    this.#transport();
    const followed = this.#followed;
    if (followed !== undefined && !isIpv4(followed)) {
      const { w0, w1, w2, w3 } = followed;
      this.#follow([
        [20, w3],
        [16, w2],
        [12, w1],
        [8, w0],
      ]);
    }
    for (const { addresses, label } of bodies) {
      if (addresses === undefined) out.always(label);
      for (const { w0, w1, w2, w3 } of (addresses ?? []).filter((address) => !isIpv4(address))) {
        const other = new Label();
        out.op(OP.ld, link + 36).jump(JUMP.eq, w3, undefined, other); // the word that differs most often first
        out.op(OP.ld, link + 32).jump(JUMP.eq, w2, undefined, other);
        out.op(OP.ld, link + 28).jump(JUMP.eq, w1, undefined, other);
        out.op(OP.ld, link + 24).jump(JUMP.eq, w0, label, other);
        out.place(other);
      }
    }
    out.always(this.#reject);
  }

  /** Sets X to the value that `length` computes in A, then loads the protocol into A. */
  #skip(length: () => void): void {
    length();
    this.#out.op(ALU.tax).op(OP.mem, M.protocol);
  }

  /**
   * Expects the protocol in A and the transport header's offset in X. Afterwards X is the network header's offset
   * again.
   */
  #transport(): void {
    const [out, link, read] = [this.#out, this.#link, new Label()];
    out.op(OP.ldh, link + 2).op(ALU.st, M.port);
    out.op(OP.mem, M.protocol).jump(JUMP.eq, 6, undefined, read);
    out
      .op(OP.ldb, link + 13)
      .op(ALU.and, 0x3f)
      .op(ALU.st, M.flags);
    out.place(read).op(OP.memx, M.network);
  }

  /** Accepts what may be a knock from the source with these words at these offsets. Other packets continue. */
  #follow(source: readonly (readonly [at: number, word: number])[]): void {
    const other = new Label();
    for (const [at, word] of source) this.#out.op(OP.ld, this.#link + at).jump(JUMP.eq, word, undefined, other);
    this.#out.op(OP.mem, M.protocol).jump(JUMP.eq, 17, this.#accept, undefined);
    this.#out.op(OP.mem, M.flags).jump(JUMP.set, TCP_FLAG_BITS.ack, other, this.#accept);
    this.#out.place(other);
  }

  #body(classes: readonly PortClass[]): void {
    for (const { protocol, flags, ports } of classes) {
      const miss = new Label();
      this.#out.op(OP.mem, M.protocol).jump(JUMP.eq, protocol, undefined, miss);
      if (flags.set !== 0 || flags.clear !== 0) {
        this.#out
          .op(OP.mem, M.flags)
          .op(ALU.and, flags.set | flags.clear)
          .jump(JUMP.eq, flags.set, undefined, miss);
      }
      this.#out.op(OP.mem, M.port);
      this.#search(ports, miss);
      this.#out.place(miss);
    }
    this.#out.always(this.#reject);
  }

  /** Expects the port in A. Binary search. Up to 32 ranges share their exits, so that most jumps are short. */
  #search(ranges: readonly PortRange[], miss: Label): void {
    if (ranges.length <= 32) {
      const [found, missed] = [new Label(), new Label()];
      this.#halve(ranges, found, missed);
      this.#out.place(found).op(RET, WHOLE).place(missed).always(miss);
      return;
    }
    const middle = ranges.length >> 1;
    const right = new Label();
    this.#out.jump(JUMP.ge, ranges[middle]!.low, right, undefined);
    this.#search(ranges.slice(0, middle), miss);
    this.#out.place(right);
    this.#search(ranges.slice(middle), miss);
  }

  #halve(ranges: readonly PortRange[], found: Label, missed: Label): void {
    if (ranges.length === 1) {
      const { low, high } = ranges[0]!;
      if (low === high) this.#out.jump(JUMP.eq, low, found, missed);
      else this.#out.jump(JUMP.ge, low, undefined, missed).jump(JUMP.gt, high, missed, found);
      return;
    }
    const middle = ranges.length >> 1;
    const right = new Label();
    this.#out.jump(JUMP.ge, ranges[middle]!.low, right, undefined);
    this.#halve(ranges.slice(0, middle), found, missed);
    this.#out.place(right);
    this.#halve(ranges.slice(middle), found, missed);
  }
}
