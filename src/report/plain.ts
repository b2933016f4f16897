// Text from a log or a database, made harmless. Strangers have a say in it.

export { printable as plain } from "../terminal/printable.ts";
