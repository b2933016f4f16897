// Text from a log or a database, made harmless. Strangers have a say in it.

/** Nothing that moves a terminal's cursor, turns its writing round or can't be seen. */
export function plain(text: string): string {
  return text.replace(/[\p{C}\p{Zl}\p{Zp}]/gu, "?");
}
