// Parses the output of `journalctl -o export`: entries of `FIELD=value` lines, each followed by an empty line. A value with
// line feeds is written as the field's name, its length in eight bytes, and its bytes, which may have any value.

import type { Entry } from "./log-line.ts";

type State = "line" | "length" | "data";

const FIELDS = new Map<string, keyof Entry>([
  ["__REALTIME_TIMESTAMP", "time"],
  ["_TRANSPORT", "transport"],
  ["SYSLOG_IDENTIFIER", "tag"],
  ["SYSLOG_PID", "pid"],
  ["SYSLOG_FACILITY", "facility"],
  ["_HOSTNAME", "host"],
  ["MESSAGE", "message"],
]);
/** No value that matters is longer. Only the beginning of a longer one is kept. */
const MAX_BYTES = 16_384;
const NO_ENTRY: Entry = { time: "", transport: "", tag: "", pid: "", facility: "", host: "", message: "" };

export class JournalExport {
  readonly #tell: (entry: Entry) => void;
  #entry: { -readonly [K in keyof Entry]: Entry[K] } = { ...NO_ENTRY };
  #isEmpty = true;
  #state: State = "line";
  /** Bytes from the previous chunk that begin a line, a length or a value. */
  #kept = "";
  #field = "";
  /** The number of missing bytes of the current value, including the line feed after it. */
  #missing = 0;

  constructor(tell: (entry: Entry) => void) {
    this.#tell = tell;
  }

  /** Does a log that begins with these bytes have this format? */
  static isOne(chunk: Buffer): boolean {
    return chunk.toString("latin1", 0, 9) === "__CURSOR=";
  }

  write(chunk: Buffer): void {
    const text = chunk.toString("latin1");
    let at = 0;
    while (at < text.length) {
      if (this.#state === "line") at = this.#readLine(text, at);
      else at = this.#readBytes(text, at);
    }
  }

  /** The last entry may lack its empty line. If it ends within a value, it has no time and does not count. */
  end(): void {
    if (this.#state !== "line") this.#entry.time = "";
    else if (this.#kept !== "") this.#line(this.#kept);
    this.#endEntry();
  }

  #readLine(text: string, at: number): number {
    const end = text.indexOf("\n", at);
    this.#keep(text.slice(at, end < 0 ? undefined : end), MAX_BYTES);
    if (end < 0) return text.length;
    const line = this.#kept;
    this.#kept = "";
    this.#line(line);
    return end + 1;
  }

  #line(line: string): void {
    if (line === "") {
      this.#endEntry();
      return;
    }
    const equals = line.indexOf("=");
    if (equals >= 0) {
      this.#set(line.slice(0, equals), line.slice(equals + 1));
      return;
    }
    this.#field = line;
    this.#state = "length";
    this.#missing = 8;
  }

  #readBytes(text: string, at: number): number {
    const end = Math.min(text.length, at + this.#missing);
    this.#keep(text.slice(at, end), MAX_BYTES);
    this.#missing -= end - at;
    if (this.#missing > 0) return end;
    const bytes = this.#kept;
    this.#kept = "";
    if (this.#state === "length") {
      this.#missing = Number(Buffer.from(bytes, "latin1").readBigUInt64LE()) + 1;
      this.#state = "data";
    } else {
      this.#set(this.#field, bytes.slice(0, -1));
      this.#state = "line";
    }
    return end;
  }

  #keep(text: string, most: number): void {
    this.#kept += text.slice(0, most - this.#kept.length);
  }

  #set(name: string, value: string): void {
    this.#isEmpty = false;
    const field = FIELDS.get(name);
    if (field !== undefined) this.#entry[field] = value;
  }

  /** Reports every entry, even one without a time or one that was cut off, so that all are accounted for. */
  #endEntry(): void {
    if (!this.#isEmpty) this.#tell(this.#entry);
    this.#isEmpty = true;
    this.#entry = { ...NO_ENTRY };
  }
}
