// The name that was probably meant.

import { closest, distance } from "fastest-levenshtein";

/** A name with more typing errors is a different name. */
const MAX_STEPS = 2;

/** The nearest name. Undefined if none is near. Ignores upper and lower case. */
export function suggestion(text: string, names: readonly string[]): string | undefined {
  if (names.length === 0) return undefined;
  const lower = names.map((name) => name.toLowerCase());
  const likely = closest(text.toLowerCase(), lower);
  const steps = distance(text.toLowerCase(), likely);
  const isNear = steps <= MAX_STEPS && steps < likely.length; // otherwise every name of two letters would be near
  return isNear ? names[lower.indexOf(likely)] : undefined;
}
