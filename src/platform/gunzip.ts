// Unpacks gzip's bytes piece by piece, so that of a torn or damaged file everything before the damage is delivered. Node's own
// stream throws away what it holds when an error comes.

import { createGunzip } from "node:zlib";

const MAGIC = Buffer.of(0x1f, 0x8b); // RFC 1952 2.3.1
/** Packed bytes that are unpacked at a time. If one is damaged, the text of all of them is lost. More would not be faster. */
const PIECE = 1 << 12;
const CHUNK = 1 << 16;

/** Do these first bytes of a file begin as gzip's do? */
export const isGzip = (head: Buffer): boolean => head.subarray(0, MAGIC.length).equals(MAGIC);

/** Throws zlib's error, whose code begins with `Z_`, after the last bytes that could be unpacked. */
export async function* gunzip(packed: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  const unzip = createGunzip({ chunkSize: CHUNK });
  let text: Buffer[] = [];
  let isOver = false; // also before the last bytes, where zeros fill a tape's block
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
