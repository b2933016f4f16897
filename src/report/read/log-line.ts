// Decides whether a line comes from the kernel, from knockd or from another program. Other programs log text of attackers, as
// sshd does with user names, so a packet in their lines is not believed. If a line names its facility or process, these must
// be right, too: any user can log a line under another name.

import { Stamp } from "./timestamp.ts";

/** `tagged`: a program that the user named with --tag. */
export type Speaker = "kernel" | "tagged" | "knockd" | "other" | "garbage";

/** vmunix: of inetutils' syslogd. */
const KERNELS: ReadonlySet<string> = new Set(["kernel", "klogd", "vmunix"]);
/** What --tag calls lines that name no program. */
export const NO_TAG = "-";
/** Facilities, by their numbers in RFC 5424; OTHER stands for all that are neither the kernel's nor knockd's. */
const [UNTOLD, KERN, OTHER, DAEMON] = [-1, 0, 1, 3] as const;
/** `kern.warn`: what busybox's syslogd, OpenWrt's logread and many a template put before the program. */
const PRIORITY = /^([a-z]+\d?)\.(?:emerg|panic|alert|crit|err|error|warn|warning|notice|info|debug):?$/;
/** `kern  :warn  : [` or an ISO stamp: `dmesg -x`. */
const DECODED = /^([a-z]+\d?) *:[a-z]+ *: (?=\[|\d{4}-)/;
/** The kernel, as metalog calls it. socklog calls it `kern.warn:`, and puts `daemon.notice:` before the lines of programs. */
const METALOGS = "[kernel]";
const INNER_STAMP = /^[A-Z][a-z]{2} [ \d]\d \d\d:\d\d:\d\d $/;
const BOM = "\xef\xbb\xbf";

export class LogLine {
  // The result of the last line:
  /** NaN when it has none that can be right. */
  time = 0;
  /** Of garbage the whole line. */
  message = "";
  /** The program's name; empty when the line has none. */
  tag = "";
  /** The host's name; empty where lines have none. */
  host = "";
  /** Its time is counted from the boot. */
  isSinceBoot = false;
  readonly #stamp: Stamp;
  readonly #tags: ReadonlySet<string>;
  /** Lines that begin with `[ 12.5] ` are dmesg's: one of them was not as journalctl writes them. */
  #isDmesg = false;
  #journalHost: string | undefined;

  /** `reference`: when the log was last written; `boot`: when this machine was booted; both in seconds since 1970. */
  constructor(reference: number, boot = Number.NaN, tags: ReadonlySet<string> = new Set()) {
    this.#stamp = new Stamp(reference, boot);
    this.#tags = tags;
  }

  read(line: string): Speaker {
    this.time = Number.NaN;
    this.tag = "";
    this.isSinceBoot = false;
    this.message = line;
    const first = line.charCodeAt(0);
    if (first === 0xef && line.startsWith(BOM)) return this.read(line.slice(BOM.length)); // Windows saved the file
    if (first === 0x7b) return this.#readJson(line);
    if (first === 0x1e) return this.#readJson(line.slice(1)); // json-seq
    if (first === 0x3c) return this.#readPriority(line);
    if (first < 0x61) return this.#readStamped(line, UNTOLD);
    if (line.startsWith("data: {")) return this.#readJson(line.slice(6)); // json-sse
    const decoded = DECODED.exec(line);
    if (decoded === null) return "garbage";
    return this.#readStamped(line.slice(decoded[0].length), facilityOf(decoded[1]!));
  }

  /** What an entry of the journal says. */
  readEntry({ time, transport, tag, pid, facility, host, message }: Entry): Speaker {
    this.time = Number.NaN;
    this.tag = tag;
    this.isSinceBoot = false;
    this.message = message;
    if (this.#stamp.read(`${time.slice(0, -6)}.0 `) < 0) return "garbage";
    this.time = this.#stamp.time;
    if (transport === "kernel") return this.#decide("kernel", "", KERN, host);
    // A program that pretends to be the kernel has another transport.
    const told = facility === "" ? UNTOLD : Number(facility);
    return this.#decide(tag, pid, KERNELS.has(tag) ? OTHER : told, host);
  }

  /** `<4>`, as in syslog's packets: facility and level. */
  #readPriority(line: string): Speaker {
    const end = line.indexOf(">");
    const priority = line.slice(1, end);
    if (!/^\d{1,3}$/.test(priority)) return "garbage";
    const facility = Number(priority) >> 3;
    const rest = line.slice(end + 1);
    return rest.startsWith("1 ") ? this.#readRfc5424(rest, facility) : this.#readStamped(rest, facility);
  }

  /** `1 2026-11-24T12:20:18.845Z door kernel - - - message` */
  #readRfc5424(line: string, facility: number): Speaker {
    const at = this.#stamp.read(line.slice(2)) + 2;
    if (at < 2) return "garbage";
    this.time = this.#stamp.time;
    const [host = "", tag = "", pid = ""] = line.slice(at, at + 512).split(" ", 3);
    const id = at + host.length + tag.length + pid.length + 3;
    const message = behindData(line, line.indexOf(" ", id) + 1);
    if (message <= id) return "garbage";
    this.message = line.slice(line.startsWith(BOM, message) ? message + BOM.length : message);
    return this.#decide(tag, pid === "-" ? "" : pid, facility, host === "-" ? "" : host);
  }

  #readStamped(line: string, facility: number): Speaker {
    const at = this.#stamp.read(line);
    if (at < 0) return "garbage";
    this.time = this.#stamp.time;
    this.message = line.slice(at);
    const { form } = this.#stamp;
    this.isSinceBoot = form === "boot";
    if (form === "logfile") return this.#decide("knockd", "", UNTOLD, "");
    if (form === "dmesg" || (form === "boot" && !this.#isJournals(line, at)))
      return this.#decide("kernel", "", facility, "");
    return this.#readTagged(line, at, facility);
  }

  /** `[host] [priority] tag: message`, and also the priority before the host. */
  #readTagged(line: string, at: number, facilityTold: number): Speaker {
    let facility = facilityTold;
    let host = "";
    let begin = at;
    for (let words = 0; words < 3; words++) {
      const end = line.indexOf(" ", begin);
      const word = end < 0 ? line.slice(begin) : line.slice(begin, end);
      const told = word.includes(".") ? PRIORITY.exec(word)?.[1] : undefined;
      if (words === 0 && (word === METALOGS || (told === "kern" && word.endsWith(":")))) {
        this.message = end < 0 ? "" : line.slice(end + 1);
        return this.#decide("kernel", "", facilityTold === UNTOLD ? KERN : facilityTold, "");
      }
      if (word.endsWith(":") && (words > 0 || told === undefined || end < 0)) {
        this.message = end < 0 ? "" : line.slice(end + 1);
        const [tag, pid] = tagAndPid(word);
        const speaker = this.#decide(tag, pid, facility, host);
        // In ulogd's own file, which names no program, the word is the rule's prefix.
        if (speaker === "tagged" && pid === "" && /^ *IN=/.test(this.message)) this.message = line.slice(begin);
        return speaker;
      }
      if (end < 0) break;
      if (told !== undefined) facility = facilityOf(told);
      else if (host !== "") break;
      else if (!word.startsWith("[")) host = word; // `logread -t` has the seconds since 1970, too
      begin = end + 1;
      if (words === 0 && word.endsWith(":") && INNER_STAMP.test(line.slice(begin, begin + 16))) begin += 16; // socklog
    }
    // ulogd's own file has a host and no program.
    this.message = host === "" ? line.slice(at) : line.slice(at + host.length + 1);
    return this.#decide("", "", facility, host);
  }

  /**
   * `[ 12.5] ` begins lines of dmesg, which are all the kernel's, and of `journalctl -o short-monotonic`, in which each line
   * has the same host and a program. A prefix of two words looks like those: all lines until now have to look so.
   */
  #isJournals(line: string, at: number): boolean {
    if (this.#isDmesg) return false;
    const host = /^([^\s:]+) \S+:(?: |$)/.exec(line.slice(at, at + 512))?.[1];
    if (host !== undefined && (this.#journalHost === undefined || this.#journalHost === host)) {
      this.#journalHost ??= Buffer.from(host).toString(); // a slice would keep the whole chunk of the log in memory
      return true;
    }
    this.#isDmesg = true;
    return false;
  }

  /** knockd's log file, where `LogFormat = json`; or what `journalctl -o json` prints. */
  #readJson(line: string): Speaker {
    let said: Readonly<Record<string, unknown>>;
    try {
      said = JSON.parse(line);
    } catch {
      return "garbage";
    }
    const { time, msg, MESSAGE } = said;
    if (typeof said.__REALTIME_TIMESTAMP === "string") {
      const text = (name: string): string => (typeof said[name] === "string" ? said[name] : "");
      return this.readEntry({
        time: said.__REALTIME_TIMESTAMP,
        transport: text("_TRANSPORT"),
        tag: text("SYSLOG_IDENTIFIER"),
        pid: text("SYSLOG_PID"),
        facility: text("SYSLOG_FACILITY"),
        host: text("_HOSTNAME"),
        message: Array.isArray(MESSAGE) ? Buffer.from(MESSAGE).toString("latin1") : text("MESSAGE"),
      });
    }
    if (typeof time !== "string" || typeof msg !== "string" || this.#stamp.read(`${time} `) < 0) return "garbage";
    this.time = this.#stamp.time;
    this.message = msg;
    return this.#decide("knockd", "", UNTOLD, "");
  }

  #decide(tag: string, pid: string, facility: number, host: string): Speaker {
    // Compared before it is kept: a slice would keep the whole chunk of the log in memory.
    if (host !== this.host) this.host = Buffer.from(host, "latin1").toString("utf8");
    this.tag = tag;
    if (KERNELS.has(tag) && (pid === "" || pid === "0") && (facility === UNTOLD || facility === KERN)) return "kernel";
    if (this.#tags.has(tag === "" ? NO_TAG : tag)) return "tagged";
    if (tag === "knockd" && (facility === UNTOLD || facility === DAEMON)) return "knockd";
    return tag === "" && !this.message.includes(":") ? "garbage" : "other";
  }
}

/** Of an entry of the journal what counts here, in Latin-1; `time` in microseconds. */
export interface Entry {
  readonly time: string;
  readonly transport: string;
  readonly tag: string;
  readonly pid: string;
  readonly facility: string;
  readonly host: string;
  readonly message: string;
}

function facilityOf(name: string): number {
  if (name === "kern") return KERN;
  return name === "daemon" ? DAEMON : OTHER;
}

/** `knockd[731]:` */
function tagAndPid(word: string): [tag: string, pid: string] {
  const bracket = word.charCodeAt(word.length - 2) === 0x5d ? word.indexOf("[") : -1;
  if (bracket <= 0) return [word.slice(0, -1), ""];
  return [word.slice(0, bracket), word.slice(bracket + 1, -2)];
}

/** Where RFC 5424's message begins, behind `-` or `[id name="value"]…`, in which a quote protects a bracket. */
function behindData(line: string, at: number): number {
  if (line.startsWith("- ", at)) return at + 2;
  const data = /^(?:\[(?:[^\]"]|"(?:[^"\\]|\\.)*")*\])+ /.exec(line.slice(at));
  return data === null ? -1 : at + data[0].length;
}
