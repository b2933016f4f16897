// Knocks in encapsulations that only capture files contain: PPP, PPPoE, and IP of one version
// (native/encapsulation.cc).

import { type CorpusFrame, corpus } from "./decode-corpus.ts";

const hex = (text: string) => Buffer.from(text.replaceAll(" ", ""), "hex");
const u16 = (value: number) => Buffer.of(value >> 8, value & 255);

/** A PPPoE session's header (RFC 2516 4) around a PPP frame. */
const pppoe = (ppp: Buffer) => Buffer.concat([hex("1100 0042"), u16(ppp.length), ppp]);
const MACS = hex("020000000001 020000000002");

/** How each IP packet is encapsulated, as `[link type, name, bytes before and around it]`. */
function wraps(ip: Buffer): [linkType: number, name: string, bytes: Buffer][] {
  const is6 = ip[0]! >> 4 === 6;
  const ppp = Buffer.concat([hex(is6 ? "0057" : "0021"), ip]);
  const short = Buffer.concat([hex(is6 ? "57" : "21"), ip]);
  const framed = Buffer.concat([hex("ff03"), ppp]);
  const session = pppoe(ppp);
  return [
    [9, "PPP", ppp],
    [9, "PPP, address and control", framed],
    [9, "PPP, a compressed protocol", short],
    [50, "PPP in HDLC-like framing", framed],
    [204, "PPP with a direction", Buffer.concat([hex("00"), framed])],
    [51, "PPPoE", session],
    [1, "Ethernet, PPPoE", Buffer.concat([MACS, hex("8864"), session])],
    [1, "Ethernet, VLAN 7, PPPoE", Buffer.concat([MACS, hex("8100 0007 8864"), session])],
    [113, "cooked, PPPoE", Buffer.concat([hex("0000 0001 0006 020000000001 0000 8864"), session])],
    [276, "cooked v2, PPPoE", Buffer.concat([hex("8864 0000 00000001 0001 00 06 0200000000010000"), session])],
    [is6 ? 229 : 228, "IP of one version", ip],
  ];
}

export function savedCorpus(): CorpusFrame[] {
  return corpus()
    .filter(({ linkType }) => linkType === 12)
    .flatMap(({ title, segment, bytes: ip }) =>
      wraps(ip).map(([linkType, name, bytes]) => ({ title: `${title} in ${name}`, linkType, segment, bytes })),
    );
}
