// Errors of the firewall. The first line says what is wrong, the second what to do.

import { getSystemErrorName } from "node:util";
import { ConfigError } from "../config/door.ts";

/** Handled like a refused config: at a reload the old config stays in force. */
export class FirewallError extends ConfigError {}

/** The name of the kernel's error number, such as "ENOENT". Empty for 0. */
export function errorName(errno: number): string {
  if (errno === 0) return "";
  const name = getSystemErrorName(-errno);
  return name === "ENOTSUP" ? "EOPNOTSUPP" : name; // libuv's name differs from that of errno(3)
}

const REASONS: Readonly<Record<string, string>> = {
  EPERM: "the kernel does not permit it\n`open` needs the capability CAP_NET_ADMIN: run knockd as root, or grant it.",
  EACCES: "the kernel does not permit it\n`open` needs the capability CAP_NET_ADMIN: run knockd as root, or grant it.",
  EOPNOTSUPP: "this kernel has no nf_tables\n`open` needs Linux 5.9 or later with nf_tables. Use a command instead.",
  ENOENT:
    "this kernel has only a part of nf_tables\n`open` needs its modules nft_fib_inet, nft_reject_inet and nft_ct.",
};

/** The error for `what` could not be done. Without a number, the kernel has no nf_tables at all. */
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

/** Why a door was not opened, in one line. */
export function openingFailure(name: string): string {
  return FAILURES[name] ?? `nf_tables answers ${name}`;
}
