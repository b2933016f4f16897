// Whose line is it: the kernel's, knockd's, or anybody else's? Others put into their lines what strangers say, as sshd does
// with user names: what looks like a packet there is none.

import { Stamp } from "./stamp.ts";

export type Speaker = "kernel" | "knockd" | "other" | "garbage";

export class LogLine {
  // Of the line that was read last, where it is the kernel's or knockd's.
  time = 0;
  message = "";
  /** The host's name; empty in knockd's log file. */
  host = "";
  readonly #stamp: Stamp;

  /** `reference`: when the log was last written, in seconds since 1970. */
  constructor(reference: number) {
    this.#stamp = new Stamp(reference);
  }

  read(line: string): Speaker {
    if (line.charCodeAt(0) === 0x7b) return this.#readJson(line);
    const at = this.#stamp.read(line);
    if (at < 0) return "garbage";
    this.time = this.#stamp.time;
    if (line.charCodeAt(0) === 0x5b) return this.#say("knockd", "", line.slice(at));
    const blank = line.indexOf(" ", at);
    if (blank < 0) return "garbage";
    const tag = blank + 1;
    if (line.startsWith("kernel: ", tag)) return this.#say("kernel", line.slice(at, blank), line.slice(tag + 8));
    if (!line.startsWith("knockd", tag)) return line.includes(":", tag) ? "other" : "garbage";
    const end = line.indexOf(": ", tag);
    if (end < 0) return "garbage";
    if (end > tag + 6 && (line.charCodeAt(tag + 6) !== 0x5b || line.charCodeAt(end - 1) !== 0x5d)) return "other";
    return this.#say("knockd", line.slice(at, blank), line.slice(end + 2));
  }

  /** knockd's log file, where `LogFormat = json`. */
  #readJson(line: string): Speaker {
    let said: { readonly time?: unknown; readonly msg?: unknown };
    try {
      said = JSON.parse(line);
    } catch {
      return "garbage";
    }
    const { time, msg } = said;
    if (typeof time !== "string" || typeof msg !== "string" || this.#stamp.read(`${time} `) < 0) return "garbage";
    this.time = this.#stamp.time;
    return this.#say("knockd", "", msg);
  }

  #say(speaker: "kernel" | "knockd", host: string, message: string): Speaker {
    // Compared before it is kept: a slice would keep the whole chunk of the log in memory.
    if (host !== this.host) this.host = Buffer.from(host, "latin1").toString("utf8");
    this.message = message;
    return speaker;
  }
}
