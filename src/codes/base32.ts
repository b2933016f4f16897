// Base32 (RFC 4648), the format in which authenticator apps exchange secrets.

const ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";

/** Without padding, as in otpauth URIs. */
export function base32(bytes: Uint8Array): string {
  let text = "";
  let value = 0;
  let bits = 0;
  for (const byte of bytes) {
    value = (value << 8) | byte;
    for (bits += 8; bits >= 5; bits -= 5) text += ALPHABET[(value >>> (bits - 5)) & 31];
    value &= 0xff;
  }
  return bits > 0 ? text + ALPHABET[(value << (5 - bits)) & 31] : text;
}

/**
 * The bytes of a text. Case, padding, and blanks and dashes between groups do not matter, because people copy secrets
 * by hand. Undefined when the text is not base32.
 */
export function fromBase32(text: string): Uint8Array | undefined {
  const digits = text
    .replace(/[\s-]/g, "")
    .replace(/={0,6}$/, "")
    .toUpperCase();
  if ([1, 3, 6].includes(digits.length % 8)) return undefined; // no whole number of bytes has this length
  const bytes: number[] = [];
  let value = 0;
  let bits = 0;
  for (const digit of digits) {
    const at = ALPHABET.indexOf(digit);
    if (at < 0) return undefined;
    value = ((value << 5) | at) & 0xfff;
    bits += 5;
    if (bits >= 8) {
      bits -= 8;
      bytes.push((value >>> bits) & 0xff);
    }
  }
  return Uint8Array.from(bytes);
}
