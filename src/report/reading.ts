// Reads logs, one after the other, and has what counts in them counted.

import { KnockLine } from "./knock-line.ts";
import { Lines } from "./lines.ts";
import { LogLine } from "./log-line.ts";
import type { Log } from "./logs.ts";
import { PacketLine } from "./packet-line.ts";
import type { Tally } from "./tally.ts";
import type { Wanted } from "./wanted.ts";

export type Span = Pick<Wanted, "since" | "until">;

export class Reading {
  /** That were read, of whatever kind. */
  lines = 0;
  attempts = 0;
  readonly #tally: Tally;
  readonly #since: number;
  readonly #until: number;
  readonly #onRead: (bytes: number, lines: number) => void;
  readonly #packet = new PacketLine();
  readonly #knock = new KnockLine();
  #bytes = 0;
  #garbage = 0;
  #tooLong = 0;
  readonly #torn: string[] = [];

  /** `onRead` is told now and then how much was read in all. */
  constructor(
    tally: Tally,
    { since = Number.NEGATIVE_INFINITY, until = Number.POSITIVE_INFINITY }: Span,
    onRead: (bytes: number, lines: number) => void,
  ) {
    this.#tally = tally;
    this.#since = since;
    this.#until = until;
    this.#onRead = onRead;
  }

  /** What ends before its time, as a .gz that is being written, is counted as far as it goes. */
  async read(log: Log): Promise<void> {
    const line = new LogLine(log.written);
    const lines = new Lines((text) => this.#line(line, text, log));
    try {
      for await (const chunk of log.open((bytes) => (this.#bytes += bytes))) {
        lines.write(chunk);
        this.#onRead(this.#bytes, this.lines);
      }
    } catch (error) {
      const { code, message, path } = error as NodeJS.ErrnoException;
      if (!code?.startsWith("Z_")) throw Object.assign(error as NodeJS.ErrnoException, { path: path ?? log.name });
      this.#torn.push(`${log.name} is torn: ${message}.`);
    }
    lines.end();
    this.#tooLong += lines.tooLong;
  }

  /** What was passed over, a sentence each. */
  get leftOut(): readonly string[] {
    const sentences = [...this.#torn];
    if (this.#garbage > 0) sentences.push(`${count(this.#garbage, "line")} could not be read: cut off, or garbled.`);
    if (this.#tooLong > 0) sentences.push(`${count(this.#tooLong, "line")} too long to be a packet's or knockd's.`);
    return sentences;
  }

  #line(line: LogLine, text: string, { of }: Log): void {
    this.lines++;
    const speaker = line.read(text);
    if (speaker === "garbage") this.#garbage++;
    if (speaker !== "kernel" && speaker !== "knockd") return;
    if (of !== "all" && of !== speaker) return;
    if (line.time < this.#since || line.time >= this.#until) return;
    if (speaker === "knockd") {
      if (this.#knock.read(line.message)) this.#tally.knock(this.#knock, line.time, line.host);
      return;
    }
    const verdict = this.#packet.read(line.message);
    if (verdict === "attempt") {
      this.attempts++;
      this.#tally.packet(this.#packet, line.time, line.host);
    } else if (verdict === "cut") this.#garbage++;
  }
}

const count = (number: number, what: string): string => `${number} ${what}${number === 1 ? "" : "s"}`;
