// The interfaces that the user asks for with -i or in the config. A name that no interface can have is refused at once:
// waiting for it would never end. 0.8 refuses every name that is missing, and therefore this one too.

import { type Config, ConfigError, complain } from "../config/door.ts";
import type { Flags } from "../config/settings.ts";
import { CaptureError } from "../platform/capture-error.ts";
import type { Snapshot } from "../platform/native.ts";
import { interfaceWords, isAlias, linkName, namesOf } from "./interfaces.ts";

/** IFNAMSIZ without the terminating zero. Only an alternative name may be longer. */
const LONGEST_NAME = 15;

/**
 * Undefined if the user names none. Throws ConfigError with the line, or CaptureError with 0.8's text. Calls `look` only for
 * odd names.
 */
export function askedInterfaces(flags: Flags, config: Config, look: () => Snapshot): readonly string[] | undefined {
  const asked = flags.interface ?? config.options.interface;
  if (asked === undefined) return undefined;
  const words = interfaceWords(asked);
  const wrong = words.find((word) => isOdd(word) && isImpossible(word, look()));
  if (wrong === undefined) return words;
  const line = config.lines.get(config.options)?.get("interface");
  if (flags.interface !== undefined || line === undefined)
    throw new CaptureError(`could not open ${wrong}: ${wrong}: No such device exists (No such device exists)`);
  throw new ConfigError(complain(config.file, line, `could not open "${wrong}": no interface can have this name`));
}

/** An odd name that no interface of this machine has. An alias is a label of an address, which is as short as a name. */
export function isImpossible(word: string, snapshot: Snapshot): boolean {
  return (
    isOdd(word) && !namesOf(word, snapshot).some((name) => !isAlias(name) || Buffer.byteLength(name) <= LONGEST_NAME)
  );
}

/** Not valid for the kernel (dev_valid_name), or with quotes, which are always a mistake in a config. */
function isOdd(word: string): boolean {
  if ([".", "..", ""].includes(linkName(word))) return true;
  return Buffer.byteLength(word.replace(/\*$/, "")) > LONGEST_NAME || /[\s/\\"'`\u2018-\u201f\p{Cc}]/u.test(word);
}
