// A client's secret. It is neither enumerable nor part of JSON, so that no log line shows it by mistake.

import { createHash } from "node:crypto";
import { plural } from "../terminal/plural.ts";
import { base32, fromBase32 } from "./base32.ts";
import type { ClientKind } from "./derive.ts";

/** 80 bits, as in older authenticators. */
const FEWEST_BYTES = 10;
const KEY_BYTES = 32;

export class Secret {
  /** Hexadecimal. Thousands of typed arrays would slow down the start. */
  readonly #hex: string;
  #fingerprint: string | undefined;

  constructor(secret: Uint8Array | { readonly hex: string }) {
    this.#hex = "hex" in secret ? secret.hex : Buffer.from(secret).toString("hex");
  }

  get bytes(): Uint8Array {
    return Buffer.from(this.#hex, "hex");
  }

  /** The form in the clients file: hexadecimal for a key, as openssl takes it, otherwise base32. */
  text(kind: ClientKind): string {
    return kind === "key" ? this.#hex : base32(this.bytes);
  }

  /** Differs when the secret of a client changes, and reveals neither secret. */
  get fingerprint(): string {
    this.#fingerprint ??= createHash("sha256")
      .update("knockd-ng client\n")
      .update(this.#hex, "hex")
      .digest("hex")
      .slice(0, 16);
    return this.#fingerprint;
  }

  toJSON(): string {
    return "secret";
  }
}

/** Throws an Error that says what is wrong and does not contain the secret. */
export function parseSecret(text: string, kind: ClientKind): Secret {
  if (kind !== "key") {
    const bytes = fromBase32(text);
    if (bytes === undefined) throw new Error("the secret is not base32 (A to Z, 2 to 7)");
    if (bytes.length < FEWEST_BYTES)
      throw new Error(`the secret has ${plural(bytes.length, "byte")}, fewer than ${FEWEST_BYTES}`);
    return new Secret(bytes);
  }
  if (/^[0-9a-f]{64}$/i.test(text)) return new Secret({ hex: /[A-F]/.test(text) ? text.toLowerCase() : text });
  const bytes = fromBase32(text);
  if (bytes?.length !== KEY_BYTES) throw new Error("the secret of a key must be 64 hexadecimal digits");
  return new Secret(bytes);
}
