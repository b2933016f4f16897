// Looks up the host names of clients for -l, without delaying the capture. The lines of a client wait for the name, in order
// and at most one second. Then they are logged with the bare address.

import { type Address, formatAddress } from "../net/address.ts";

/** Returns the name of an address. Undefined or a rejection if it has none. */
export type Resolve = (ip: string) => Promise<string | undefined>;

interface Waiting {
  readonly lines: ((who: string) => void)[];
}

const LONGEST_WAIT_MS = 1000;
/**
 * The maximum of open queries, so that a flood of sources does not become a flood of queries. If the name server is dead,
 * libc holds each query for ten seconds or more, four at a time. Further clients get no name.
 */
const MAX_ASKED = 16;
/** How long an answer is kept, also if there is no name. */
const KEPT_MS = 60_000;
const MAX_KEPT = 1024;

export class ReverseDns {
  readonly #resolve: Resolve;
  readonly #now: () => number;
  readonly #waiting = new Map<string, Waiting>();
  readonly #known = new Map<string, { readonly who: string; readonly at: number }>();
  #asked = 0;

  /** `now` in milliseconds, monotonic. */
  constructor(resolve: Resolve, now: () => number) {
    this.#resolve = resolve;
    this.#now = now;
  }

  /** Calls `line` with `address (name)` or the bare address: at once if the answer is known, otherwise later. */
  tell(knocker: Address, line: (who: string) => void): void {
    const ip = formatAddress(knocker);
    const waiting = this.#waiting.get(ip);
    if (waiting !== undefined) {
      waiting.lines.push(line);
      return;
    }
    const known = this.#known.get(ip);
    if (known !== undefined && this.#now() - known.at < KEPT_MS) line(known.who);
    else if (this.#asked >= MAX_ASKED) line(ip);
    else this.#ask(ip, line);
  }

  /** Logs all waiting lines with the bare address, because the daemon ends. */
  flush(): void {
    for (const ip of [...this.#waiting.keys()]) this.#answer(ip, ip);
  }

  #ask(ip: string, line: (who: string) => void): void {
    const mine: Waiting = { lines: [line] };
    this.#waiting.set(ip, mine);
    const answer = (who: string) => {
      clearTimeout(timer);
      if (this.#waiting.get(ip) === mine) this.#answer(ip, who);
    };
    const timer = setTimeout(() => answer(ip), LONGEST_WAIT_MS);
    this.#asked++;
    this.#resolve(ip)
      .then(
        (name) => answer(isHostName(name) && name !== ip ? `${ip} (${name})` : ip),
        () => answer(ip),
      )
      .finally(() => this.#asked--);
  }

  #answer(ip: string, who: string): void {
    const { lines } = this.#waiting.get(ip)!;
    this.#waiting.delete(ip);
    if (this.#known.size >= MAX_KEPT) this.#known.delete(this.#known.keys().next().value!);
    this.#known.set(ip, { who, at: this.#now() });
    for (const line of lines) line(who);
  }
}

/** The owner of an address chooses its name, so it must not bring line feeds or `OPEN SESAME` into the log. */
function isHostName(name: string | undefined): name is string {
  return name !== undefined && /^[A-Za-z0-9._-]{1,253}$/.test(name);
}
