// A number with its noun, in messages.

/** `1 door`, `2 doors`, `2 addresses`. */
export function plural(count: number, what: string): string {
  return `${count} ${what}${count === 1 ? "" : what.endsWith("s") ? "es" : "s"}`;
}
