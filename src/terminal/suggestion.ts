// The name that was probably meant.

import { closest, distance } from "fastest-levenshtein";

/** More typing errors in one name are another name. */
const MAX_STEPS = 2;

/** Undefined when no name is near. Upper and lower case are the same. */
export function suggestion(text: string, names: readonly string[]): string | undefined {
  if (names.length === 0) return undefined;
  const lower = names.map((name) => name.toLowerCase());
  const likely = closest(text.toLowerCase(), lower);
  const steps = distance(text.toLowerCase(), likely);
  const isNear = steps <= MAX_STEPS && steps < likely.length; // not every name of two letters
  return isNear ? names[lower.indexOf(likely)] : undefined;
}
