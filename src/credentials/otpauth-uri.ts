// What an authenticator app reads from a QR code (https://github.com/google/google-authenticator/wiki/Key-Uri-Format).

import type { Client } from "../codes/client.ts";
import { WINDOW_SECONDS } from "../codes/derive.ts";

/** For a `code` client. Apps show the host as the issuer, and the client's name below it. */
export function otpauthUri(host: string, { name, secret, digits }: Pick<Client, "name" | "secret" | "digits">): string {
  const issuer = encodeURIComponent(`knock ${host}`);
  const parts = [`secret=${secret.text("code")}`, `issuer=${issuer}`];
  // Some apps reject parameters that they do not know, so defaults are left out.
  if (digits !== 6) parts.push(`digits=${digits}`, "algorithm=SHA1", `period=${WINDOW_SECONDS}`);
  return `otpauth://totp/${issuer}:${encodeURIComponent(name)}?${parts.join("&")}`;
}
