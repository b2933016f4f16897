// The names of knockers, for -l. A name is looked up beside the capture, never in its way: the lines of a knocker wait
// for it, in their order, one second at the most, and then go out with the bare address.

import { type Address, formatAddress } from "../net/address.ts";

/** The name of an address in text; undefined or a rejection when it has none. */
export type Resolve = (ip: string) => Promise<string | undefined>;

interface Waiting {
  readonly lines: ((who: string) => void)[];
}

const LONGEST_WAIT_MS = 1000;
/**
 * Questions without an answer. A flood of sources must not become a flood of questions, and when the name server is dead,
 * libc holds each for ten seconds and more, four at a time: the knockers beyond get no name.
 */
const MOST_ASKED = 16;
/** How long an answer, or none, is good for. */
const KEPT_MS = 60_000;
const MOST_KEPT = 1024;

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

  /** Calls `line` with `address (name)` or the bare address: at once when that is known, later when it is not. */
  tell(knocker: Address, line: (who: string) => void): void {
    const ip = formatAddress(knocker);
    const waiting = this.#waiting.get(ip);
    if (waiting !== undefined) {
      waiting.lines.push(line);
      return;
    }
    const known = this.#known.get(ip);
    if (known !== undefined && this.#now() - known.at < KEPT_MS) line(known.who);
    else if (this.#asked >= MOST_ASKED) line(ip);
    else this.#ask(ip, line);
  }

  /** Lets all that wait go with their bare addresses: the daemon ends. */
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
    if (this.#known.size >= MOST_KEPT) this.#known.delete(this.#known.keys().next().value!);
    this.#known.set(ip, { who, at: this.#now() });
    for (const line of lines) line(who);
  }
}

/** Whoever owns an address writes its name: it must not bring line ends or `OPEN SESAME` into the log. */
function isHostName(name: string | undefined): name is string {
  return name !== undefined && /^[A-Za-z0-9._-]{1,253}$/.test(name);
}
