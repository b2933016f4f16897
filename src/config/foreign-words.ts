// Directives of other port knockers, and what has the same effect here.

const CODES = "use Clients and codes that change every 30 seconds (knockctl client add)";
const FOREIGN: Readonly<Record<string, string>> = {
  otp: CODES,
  otp_secret: CODES,
  totp: CODES,
  totp_secret: CODES,
  secret: CODES,
  knock_timeout: "use Seq_Timeout",
  knock_sequence: "use Sequence",
  ipset: "use open for a built-in door, or call ipset in Start_Command and Stop_Command",
  ipset_timeout: "use for with open, or Cmd_Timeout",
  ports: "use Sequence, or open for a built-in door",
};

/** `name` in lower case. Undefined: no port knocker that we know has it. */
export function insteadOf(name: string): string | undefined {
  return Object.hasOwn(FOREIGN, name) ? FOREIGN[name] : undefined;
}
