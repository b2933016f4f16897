// A client as one line, which `knockctl client add` prints for the machine that knocks: knockd-ng://HOST/DOOR?client=…

import type { Client } from "./client.ts";
import { parseClients } from "./clients-file.ts";
import { DIGITS_BLOCK } from "./derive.ts";

export const CLIENT_URL_SCHEME = "knockd-ng:";

/** Parameters that have the same name in the clients file. */
const PARTS = ["kind", "secret", "ports", "digits", "proto", "bind"] as const;
/** Placeholders for a line without the secret: the user types the code. */
const NO_SECRET = { code: "A".repeat(32), list: "A".repeat(32), key: "0".repeat(64) } as const;

export interface ClientUrl {
  readonly host: string;
  readonly client: Client;
  /** False: `client.secret` is a placeholder. */
  readonly hasSecret: boolean;
}

/** `host` may be an IPv6 address. */
export function formatClientUrl(host: string, client: Client, withSecret = true): string {
  const { name, door, kind, secret, blocks, digits, protocol, bind } = client;
  const size = kind === "key" ? 1 : DIGITS_BLOCK;
  const parts = new URLSearchParams({ client: name, kind, ports: blocks.map((first) => first / size).join(",") });
  if (kind === "code" && digits !== 6) parts.set("digits", String(digits));
  if (protocol === "udp") parts.set("proto", "udp");
  if (bind) parts.set("bind", "yes");
  if (withSecret) parts.set("secret", secret.text(kind));
  const place = host.includes(":") ? `[${host}]` : host;
  return `${CLIENT_URL_SCHEME}//${place}/${encodeURIComponent(door)}?${parts.toString().replaceAll("%2C", ",")}`;
}

/** Throws an Error that says what is wrong and does not contain the secret. */
export function parseClientUrl(text: string): ClientUrl {
  const [, host, door, query] = /^knockd-ng:\/\/(\[[^\]]*\]|[^/?[\]]*)\/([^/?]*)\?(.*)$/.exec(text) ?? [];
  if (!host || !door) throw new Error("it is not of the form knockd-ng://HOST/DOOR?client=NAME&kind=…&ports=…");
  const parts = new URLSearchParams(query);
  const kind = parts.get("kind") ?? "code";
  const hasSecret = parts.has("secret");
  if (!hasSecret && Object.hasOwn(NO_SECRET, kind)) parts.set("secret", NO_SECRET[kind as keyof typeof NO_SECRET]);
  const lines = PARTS.flatMap((part) => (parts.has(part) ? [`${part} = ${parts.get(part)}`] : []));
  const section = [`[${parts.get("client") ?? ""}]`, `door = ${decodeURIComponent(door)}`, ...lines];
  if (section.some((line) => /\p{Cc}/u.test(line))) throw new Error("it contains a control character");
  let clients: readonly Client[];
  try {
    clients = parseClients(section.join("\n"), "knock");
  } catch (error) {
    throw new Error((error as Error).message.replace(/^knock(:\d+)?: /, ""));
  }
  return { host: host.replace(/^\[|\]$/g, ""), client: clients[0]!, hasSecret };
}
