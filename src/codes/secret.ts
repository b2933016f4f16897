// A client's secret. It is neither enumerable nor part of JSON, so that no log line shows it by mistake.

import * as crypto from "node:crypto";
import { plural } from "../terminal/plural.ts";
import { base32, fromBase32 } from "./base32.ts";
import type { ClientKind } from "./derive.ts";

/** 80 bits, as in older authenticators. */
const FEWEST_BYTES = 10;
const KEY_BYTES = 32;
const FINGERPRINT_OF = "knockd-ng client\n";

export class Secret {
  /** Hexadecimal. Thousands of typed arrays would slow down the start. */
  readonly #hex: string;
  #fingerprint: string | undefined;

  /** A string is lower-case hexadecimal. */
  constructor(secret: Uint8Array | string) {
    this.#hex = typeof secret === "string" ? secret : Buffer.from(secret).toString("hex");
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
    this.#fingerprint ??= sha256(this.#hex).slice(0, 16);
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
  const hex = text.toLowerCase();
  if (/^[0-9a-f]{64}$/.test(hex)) return new Secret(hex);
  const bytes = fromBase32(text);
  if (bytes?.length !== KEY_BYTES) throw new Error("the secret of a key must be 64 hexadecimal digits");
  return new Secret(bytes);
}

/** In Node 20.12 and later. A call takes half the time of `createHash`, and a daemon may start with a thousand clients. */
const { hash } = crypto as { hash?: (algorithm: "sha256", data: Uint8Array, encoding: "hex") => string };
const data = Buffer.alloc(FINGERPRINT_OF.length + KEY_BYTES);
data.write(FINGERPRINT_OF);

/** The hash of FINGERPRINT_OF and a secret. */
function sha256(hex: string): string {
  if (hash === undefined || hex.length > 2 * KEY_BYTES)
    return crypto.createHash("sha256").update(FINGERPRINT_OF).update(hex, "hex").digest("hex");
  const length = data.write(hex, FINGERPRINT_OF.length, "hex");
  return hash("sha256", data.subarray(0, FINGERPRINT_OF.length + length), "hex");
}
