// A command that knocks with a key where only a shell, openssl and curl are installed.

import type { Client } from "./client.ts";
import { KEY_BLOCK, WINDOW_SECONDS } from "./derive.ts";

/**
 * Two lines for dash, bash and busybox. They expect the key's 64 hexadecimal digits in $K. For TCP and unbound keys.
 */
export function shellLine({ door, name, blocks }: Pick<Client, "door" | "name" | "blocks">, host: string): string {
  const mask = KEY_BLOCK - 1;
  return `t=$(($(date +%s)/${WINDOW_SECONDS})); h=$(printf 'knockd-ng 1\\n%s\\n%s\\n-\\n%d\\n' ${quoted(door)} ${name} $t | openssl dgst -sha256 -mac HMAC -macopt hexkey:$K -r)
set -- ${blocks.join(" ")}; while [ $# -gt 0 ]; do w=\${h%"\${h#????}"}; h=\${h#????}; curl -s --max-time 1 http://${host}:$(($1+(0x$w&${mask}))) & shift; done; wait`;
}

function quoted(text: string): string {
  return /^[\w.-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`;
}
