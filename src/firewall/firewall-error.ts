// Why the firewall can't be what the config asks for. The first line says what is wrong, the second what to do.

import { getSystemErrorName } from "node:util";
import { ConfigError } from "../config/door.ts";

/** Like a config that is refused: at a reload the old one goes on. */
export class FirewallError extends ConfigError {}

/** "ENOENT" of the kernel's number; empty for 0. */
export function errorName(errno: number): string {
  if (errno === 0) return "";
  const name = getSystemErrorName(-errno);
  return name === "ENOTSUP" ? "EOPNOTSUPP" : name; // libuv has another word than errno(3)
}

const REASONS: Readonly<Record<string, string>> = {
  EPERM: "the kernel does not permit it\n`open` needs the capability CAP_NET_ADMIN: run knockd as root, or grant it.",
  EACCES: "the kernel does not permit it\n`open` needs the capability CAP_NET_ADMIN: run knockd as root, or grant it.",
  EOPNOTSUPP: "this kernel has no nf_tables\n`open` needs Linux 5.9 or later with nf_tables. Use a command instead.",
  ENOENT:
    "this kernel has only a part of nf_tables\n`open` needs its modules nft_fib_inet, nft_reject_inet and nft_ct.",
};

/** At the start: `what` could not be done. Without a number there is no nf_tables at all. */
export function refusal(what: string, errno?: number): FirewallError {
  const name = errno === undefined ? "EOPNOTSUPP" : errorName(errno);
  return new FirewallError(`firewall: ${what}: ${REASONS[name] ?? `${name} from nf_tables`}`);
}

const FAILURES: Readonly<Record<string, string>> = {
  EPERM: "the kernel does not permit it (EPERM)",
  ENOENT: "the table or the set is gone (ENOENT)",
  ENFILE: "the set is full (ENFILE)",
  ENOSPC: "the set is full (ENOSPC)",
  ENOMEM: "the kernel has no memory for it (ENOMEM)",
};

/** In one line: why a door was not opened. */
export function openingFailure(name: string): string {
  return FAILURES[name] ?? `nf_tables answers ${name}`;
}
