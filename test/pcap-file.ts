// Capture files by the book (draft-ietf-opsawg-pcap), written by hand.

export interface Order {
  /** 0xa1b2c3d4: microseconds; 0xa1b23c4d: nanoseconds. */
  magic?: number;
  big?: boolean;
}

/** Of a LINKTYPE_: one packet a second from 1467827163.25 on, each 3,000 bytes long on the wire. */
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
