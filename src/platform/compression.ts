// Recognises files that other programs than gzip have compressed. knockctl does not read them, but names what unpacks them.

/** The first bytes of a file, its format, and the command that writes its contents to standard output. */
export type Format = readonly [head: string, what: string, command: string];

export const COMPRESSED: readonly Format[] = [
  ["\xfd7zXZ", "packed with xz", "xzcat"],
  ["\x28\xb5\x2f\xfd", "packed with zstd", "zstdcat"],
  ["BZh", "packed with bzip2", "bzcat"],
  ["PK\x03\x04", "a zip archive", "unzip -p"],
];

/** No head in `COMPRESSED` is longer. */
export const HEAD_BYTES = 6;

/** The format of a file that begins with `head`. Undefined: none of these. */
export function formatOf(head: Buffer, formats = COMPRESSED): Format | undefined {
  return formats.find(([magic]) => head.toString("latin1", 0, magic.length) === magic);
}
