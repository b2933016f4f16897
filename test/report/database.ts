// The smallest possible .mmdb database: one answer for every address. MaxMind DB file format, version 2.
import { writeFileSync } from "node:fs";

type Value = string | number | { readonly [key: string]: Value };

/** Writes it to `path`. */
export function database(path: string, answer: Value): void {
  // One node. Both of its records point at the data's first byte: the number of nodes + the separator's 16 bytes.
  const node = Buffer.from([0, 0, 17, 0, 0, 17]);
  const metadata = {
    binary_format_major_version: 2,
    binary_format_minor_version: 0,
    database_type: "Test",
    ip_version: 6,
    node_count: 1,
    record_size: 24,
  };
  writeFileSync(
    path,
    Buffer.concat([
      node,
      Buffer.alloc(16),
      encoded(answer),
      Buffer.from("\xab\xcd\xefMaxMind.com", "latin1"),
      encoded(metadata),
    ]),
  );
}

const [STRING, DOUBLE, UINT32, MAP] = [2, 3, 6, 7] as const;

function encoded(value: Value): Buffer {
  if (typeof value === "string") return Buffer.concat([head(STRING, Buffer.byteLength(value)), Buffer.from(value)]);
  if (typeof value === "object") {
    const pairs = Object.entries(value).flatMap(([key, inner]) => [encoded(key), encoded(inner)]);
    return Buffer.concat([head(MAP, pairs.length / 2), ...pairs]);
  }
  const bytes = Buffer.alloc(Number.isInteger(value) && value >= 0 ? 4 : 8);
  if (bytes.length === 4) bytes.writeUInt32BE(value);
  else bytes.writeDoubleBE(value);
  return Buffer.concat([head(bytes.length === 4 ? UINT32 : DOUBLE, bytes.length), bytes]);
}

/** Type and size. Sizes from 29 on need another byte. */
function head(type: number, size: number): Buffer {
  return size < 29 ? Buffer.from([(type << 5) | size]) : Buffer.from([(type << 5) | 29, size - 29]);
}
