// Decompresses a log: gzip, whatever the file is called. Rejects other compressed or encoded files, whose lines would
// pass for garbage.

import { COMPRESSED, type Format, formatOf } from "../../platform/compression.ts";
import { gunzip, isGzip } from "../../platform/gunzip.ts";
import { NoReport } from "../options.ts";

const OTHERS: readonly Format[] = [
  ...COMPRESSED,
  ["LPKSHHRH", "a journal file", "journalctl -o short-iso --file"],
  ["\xff\xfe", "UTF-16 text", "iconv -f utf16 -t utf8"],
  ["\xfe\xff", "UTF-16 text", "iconv -f utf16 -t utf8"],
];

/** `name`: the name of the file. Throws NoReport with a command that helps. */
export async function* unpacked(name: string, bytes: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  const chunks = bytes[Symbol.asyncIterator]();
  const first = await chunks.next();
  const all = (async function* () {
    for (let next = first; next.done !== true; next = await chunks.next()) yield next.value;
  })();
  const head: Buffer = first.value ?? Buffer.alloc(0);
  const other = formatOf(head, OTHERS);
  if (other !== undefined) {
    const [, what, command] = other;
    throw new NoReport(`${name} is ${what}: ${command} FILE | knockctl report -`);
  }
  yield* isGzip(head) ? gunzip(all) : all;
}

/** Does the file's name say that a program other than gzip has compressed it? */
export const isPackedOtherwise = (name: string): boolean => /\.(?:xz|zst|bz2|lz4|lzma|zip)$/.test(name);
