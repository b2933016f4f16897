// What a command of the daemon's socket gets, and what it may answer.

import type { Answer, Args } from "./protocol.ts";

export interface ClientRequest {
  /** `args` as received. Each command checks its own. */
  readonly args: Args;
  /** The client is root. Only root may change something or see secrets. */
  readonly mayChange: boolean;
}

/** Returns the answers that are sent between the lines `daemon` and `end`. Throws Refusal. */
export type Handler = (request: ClientRequest) => Promise<readonly Answer[]> | readonly Answer[];

/** Runs until the client disconnects and calls `send` for each answer. Returns a function that ends it. Throws Refusal. */
export type StreamHandler = (request: ClientRequest, send: (answer: Answer) => void) => () => void;

export interface Handlers {
  readonly answered: ReadonlyMap<string, Handler>;
  readonly streamed: ReadonlyMap<string, StreamHandler>;
}

/** The command cannot be carried out, or this client may not use it. The message says why. */
export class Refusal extends Error {}

/** Throws Refusal. */
export function onlyForRoot({ mayChange }: ClientRequest): void {
  if (!mayChange) throw new Refusal("only root may do that");
}

/** Throws Refusal when it is missing or not a string. */
export function requireString(args: Args, name: string): string {
  const value = args[name];
  if (typeof value !== "string") throw new Refusal(`the request has no ${name}`);
  return value;
}

/** An optional flag. */
export function isSet(args: Args, name: string): boolean {
  return args[name] === true;
}
