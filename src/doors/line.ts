// Commands that wait for their turn: so many run at once, the others in the order in which they came, and an end to the
// line. A flood of complete knocks costs an attacker nothing.

/** Commands at once; the others wait in order. */
const MOST_RUNNING = 64;
/** When so many openings wait, who waits already is not put in line again; and when so many do, nobody is. */
const [MANY_WAITING, MOST_WAITING] = [1024, 16_384] as const;

export class Line {
  #running = 0;
  readonly #turns: (() => void)[] = [];
  /** Openings whose command has not begun: whose they are, and how many. */
  readonly #waiting = new Set<string>();
  #openings = 0;

  /** Openings that wait. */
  get length(): number {
    return this.#openings;
  }

  /** One more opening for this (door, knocker): it waits, or is one with the one that waits there already, or is refused. */
  join(key: string): "waits" | "merged" | "refused" {
    if (this.#openings >= MANY_WAITING && this.#waiting.has(key)) return "merged";
    if (this.#openings >= MOST_WAITING) return "refused";
    this.#waiting.add(key);
    this.#openings++;
    return "waits";
  }

  /** It waits no longer. */
  leave(key: string): void {
    this.#openings--;
    this.#waiting.delete(key);
  }

  /** When a command may begin, which says `done` when it has ended: at once when that is undefined. */
  turn(): Promise<void> | undefined {
    if (this.#running >= MOST_RUNNING) return new Promise((resolve) => this.#turns.push(resolve));
    this.#running++;
    return undefined;
  }

  done(): void {
    const next = this.#turns.shift(); // takes the place over
    if (next === undefined) this.#running--;
    else next();
  }
}

/** What happens too often to be told each time: told at most once a second, by its number. */
export class Tally {
  #count = 0;
  #toldAt = Number.NEGATIVE_INFINITY;

  /** Once more, at this time in seconds. Calls back with how often since that was told last, if it is to be told now. */
  add(now: number, tell: (count: number) => void): void {
    this.#count++;
    if (now - this.#toldAt < 1) return;
    tell(this.#count);
    this.#count = 0;
    this.#toldAt = now;
  }
}
