// Writes capture files by hand, as draft-ietf-opsawg-pcap specifies them.

export interface Order {
  /** 0xa1b2c3d4: microseconds; 0xa1b23c4d: nanoseconds. */
  magic?: number;
  big?: boolean;
}

/** A file with this LINKTYPE_: one packet a second from 1467827163.25 on, each 3,000 bytes long on the wire. */
export function pcapFile(
  network: number,
  frames: readonly Buffer[],
  { magic = 0xa1b2c3d4, big = false }: Order = {},
): Buffer {
  const u16 = (value: number) => (big ? [value >> 8, value & 255] : [value & 255, value >> 8]);
  const u32 = (value: number) => (big ? [value >>> 16, value & 65535] : [value & 65535, value >>> 16]).flatMap(u16);
  const head = [u32(magic), u16(2), u16(4), u32(0), u32(0), u32(65535), u32(network)].flat();
  const fraction = magic === 0xa1b2c3d4 ? 250_000 : 250_000_000;
  const packets = frames.map((bytes, i) =>
    Buffer.concat([Buffer.from([1467827163 + i, fraction, bytes.length, 3000].flatMap(u32)), bytes]),
  );
  return Buffer.concat([Buffer.from(head), ...packets]);
}

/** The same packets as pcapng (draft-ietf-opsawg-pcapng): a section, an interface, and a block for each. */
export function pcapngFile(network: number, frames: readonly Buffer[]): Buffer {
  const block = (type: number, body: Buffer) => {
    const padded = Buffer.concat([body, Buffer.alloc(-body.length & 3)]);
    return Buffer.concat([words(type, padded.length + 12), padded, words(padded.length + 12)]);
  };
  const words = (...values: number[]) => {
    const bytes = Buffer.alloc(4 * values.length);
    values.forEach((value, i) => void bytes.writeUInt32LE(value, 4 * i));
    return bytes;
  };
  const ALL = 0xffff_ffff;
  const packets = frames.map((bytes, i) => {
    const micros = BigInt(1467827163 + i) * 1_000_000n + 250_000n;
    const head = words(0, Number(micros >> 32n), Number(micros & 0xffff_ffffn), bytes.length, 3000);
    return block(6, Buffer.concat([head, bytes]));
  });
  return Buffer.concat([
    block(0x0a0d0d0a, words(0x1a2b3c4d, 1, ALL, ALL)),
    block(1, words(network, 65535)),
    ...packets,
  ]);
}
