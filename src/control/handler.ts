// A command that is asked for at the daemon's socket: what it is given, and what it may say.

import type { Answer, Args } from "./protocol.ts";

export interface Question {
  /** To the letter what came as `args`: each command looks at its own. */
  readonly args: Args;
  /** Root asks: the commands that change something, and secrets, are for root alone. */
  readonly mayChange: boolean;
}

/** What it answers stands between the lines `daemon` and `end`. Throws Refusal. */
export type Command = (question: Question) => Promise<readonly Answer[]> | readonly Answer[];

/** Goes on until the one who asks has gone: `tell` says each thing as it comes, later. Returns what ends it. Throws Refusal. */
export type Stream = (question: Question, tell: (answer: Answer) => void) => () => void;

export interface Commands {
  readonly answered: ReadonlyMap<string, Command>;
  readonly streamed: ReadonlyMap<string, Stream>;
}

/** What is asked can't be done, or not for the one who asks; the message, in plain words, says why. */
export class Refusal extends Error {}

/** Throws Refusal. */
export function onlyForRoot({ mayChange }: Question): void {
  if (!mayChange) throw new Refusal("that is for root only");
}

/** Throws Refusal when it is not there, or no text. */
export function textIn(args: Args, name: string): string {
  const value = args[name];
  if (typeof value !== "string") throw new Refusal(`the request has no ${name}`);
  return value;
}

/** A question that may be left out; true where it is asked. */
export function isSet(args: Args, name: string): boolean {
  return args[name] === true;
}
