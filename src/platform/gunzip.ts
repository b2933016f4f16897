// Unpacks gzip data in pieces, so that everything before the damage of a damaged file is delivered. Node's own stream discards
// what it holds when an error comes.

import { createGunzip } from "node:zlib";

const MAGIC = Buffer.of(0x1f, 0x8b); // RFC 1952 2.3.1
/** How many packed bytes are unpacked at a time. If one is damaged, the text of all is lost. More would not be faster. */
const PIECE = 1 << 12;
const CHUNK = 1 << 16;

/** Are these the first bytes of a gzip file? */
export const isGzip = (head: Buffer): boolean => head.subarray(0, MAGIC.length).equals(MAGIC);

/** Throws zlib's error, whose code begins with `Z_`, after the last bytes that could be unpacked. */
export async function* gunzip(packed: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  const unzip = createGunzip({ chunkSize: CHUNK });
  let text: Buffer[] = [];
  let isOver = false; // the packed data can end before the file does: tapes fill the last block with zeros
  let [done, failed]: [() => void, (error: Error) => void] = [() => {}, () => {}];
  unzip.on("data", (chunk) => text.push(chunk));
  unzip.on("end", () => {
    isOver = true;
    done();
  });
  unzip.on("error", (error) => failed(error));
  const step = (begin: () => void) =>
    new Promise<void>((resolve, reject) => {
      [done, failed] = [resolve, reject];
      begin();
    });
  const taken = () => {
    const chunks = text;
    text = [];
    return chunks;
  };
  try {
    for await (const bytes of packed)
      for (let at = 0; at < bytes.length && !isOver; at += PIECE) {
        const piece = bytes.subarray(at, at + PIECE);
        await step(() => unzip.write(piece, (error) => (error ? failed(error) : done())));
        yield* taken();
      }
    if (!isOver) await step(() => unzip.end());
  } catch (error) {
    yield* taken();
    throw error;
  } finally {
    unzip.destroy();
  }
  yield* taken();
}
