// Decides whether a line comes from the kernel, from knockd or from another program. Other programs log text that
// attackers control, as sshd does with user names, so a packet in their lines does not count. If a line names its
// facility or process, these must be right too, because any user can log a line under another name.

import { Timestamp } from "./timestamp.ts";

/** `tagged`: a program that the user named with --tag. */
export type Speaker = "kernel" | "tagged" | "knockd" | "other" | "garbage";

/** vmunix: of inetutils' syslogd. */
const KERNELS: ReadonlySet<string> = new Set(["kernel", "klogd", "vmunix"]);
/** The value of --tag for lines that name no program. */
export const NO_TAG = "-";
/** Facilities with their numbers in RFC 5424. OTHER stands for all except the kernel's and knockd's. */
const [UNTOLD, KERN, OTHER, DAEMON] = [-1, 0, 1, 3] as const;
/** Such as `kern.warn`: busybox's syslogd, OpenWrt's logread and many templates put it before the program. */
const PRIORITY = /^([a-z]+\d?)\.(?:emerg|panic|alert|crit|err|error|warn|warning|notice|info|debug):?$/;
/** The beginning of `dmesg -x`: `kern  :warn  : [` or an ISO timestamp. */
const DECODED = /^([a-z]+\d?) *:[a-z]+ *: (?=\[|\d{4}-)/;
/** The kernel, as metalog calls it. socklog calls it `kern.warn:`, and puts `daemon.notice:` before the lines of programs. */
const METALOGS = "[kernel]";
const INNER_STAMP = /^[A-Z][a-z]{2} [ \d]\d \d\d:\d\d:\d\d $/;
const BOM = "\xef\xbb\xbf";

export class LogLine {
  // The result for the last line:
  /** NaN if it has no plausible time. */
  time = 0;
  /** For garbage, the whole line. */
  message = "";
  /** The program's name. Empty if the line has none. */
  tag = "";
  /** The host's name. Empty if the lines have none. */
  host = "";
  /** Its time counts from the boot. */
  isSinceBoot = false;
  readonly #stamp: Timestamp;
  readonly #tags: ReadonlySet<string>;
  /** Lines that begin with `[ 12.5] ` come from dmesg: at least one did not look like journalctl's. */
  #isDmesg = false;
  #journalHost: string | undefined;

  /** `reference`: when the log was last written. `boot`: when this machine was booted. Both in seconds since 1970. */
  constructor(reference: number, boot = Number.NaN, tags: ReadonlySet<string> = new Set()) {
    this.#stamp = new Timestamp(reference, boot);
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

  /** Reads an entry of the journal. */
  readEntry({ time, transport, tag, pid, facility, host, message }: Entry): Speaker {
    this.time = Number.NaN;
    this.tag = tag;
    this.isSinceBoot = false;
    this.message = message;
    if (this.#stamp.read(`${time.slice(0, -6)}.0 `) < 0) return "garbage";
    this.time = this.#stamp.time;
    if (transport === "kernel") return this.#decide("kernel", "", KERN, host);
    // A program that pretends to be the kernel has another transport, so it cannot pass for it.
    const told = facility === "" ? UNTOLD : Number(facility);
    return this.#decide(tag, pid, KERNELS.has(tag) ? OTHER : told, host);
  }

  /** Reads a line that begins with facility and level, as in syslog's packets: `<4>`. */
  #readPriority(line: string): Speaker {
    const end = line.indexOf(">");
    const priority = line.slice(1, end);
    if (!/^\d{1,3}$/.test(priority)) return "garbage";
    const facility = Number(priority) >> 3;
    const rest = line.slice(end + 1);
    return rest.startsWith("1 ") ? this.#readRfc5424(rest, facility) : this.#readStamped(rest, facility);
  }

  /** Reads `1 2026-11-24T12:20:18.845Z door kernel - - - message`. */
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

  /** Reads `[host] [priority] tag: message`. The priority may also stand before the host. */
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
        // ulogd's own file names no program: this word is the rule's prefix.
        if (speaker === "tagged" && pid === "" && /^ *IN=/.test(this.message)) this.message = line.slice(begin);
        return speaker;
      }
      if (end < 0) break;
      if (told !== undefined) facility = facilityOf(told);
      else if (host !== "") break;
      else if (!word.startsWith("[")) host = word; // `logread -t` also prints the seconds since 1970
      begin = end + 1;
      if (words === 0 && word.endsWith(":") && INNER_STAMP.test(line.slice(begin, begin + 16))) begin += 16; // socklog
    }
    // ulogd's own file names a host but no program.
    this.message = host === "" ? line.slice(at) : line.slice(at + host.length + 1);
    return this.#decide("", "", facility, host);
  }

  /**
   * Lines that begin with `[ 12.5] ` come from dmesg, where all are the kernel's, or from
   * `journalctl -o short-monotonic`, where each has a program and the same host. A rule's prefix of two words looks
   * like host and program, so only a log in which all lines so far look like journalctl's counts as its output.
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

  /** Reads a line of knockd's log file with `LogFormat = json`, or of `journalctl -o json`. */
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
    // Compare first: keeping a slice would keep the whole chunk of the log in memory.
    if (host !== this.host) this.host = Buffer.from(host, "latin1").toString("utf8");
    this.tag = tag;
    if (KERNELS.has(tag) && (pid === "" || pid === "0") && (facility === UNTOLD || facility === KERN)) return "kernel";
    if (this.#tags.has(tag === "" ? NO_TAG : tag)) return "tagged";
    if (tag === "knockd" && (facility === UNTOLD || facility === DAEMON)) return "knockd";
    return tag === "" && !this.message.includes(":") ? "garbage" : "other";
  }
}

/** The fields of an entry of the journal that count here, in Latin-1. `time` in microseconds. */
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

/** Splits `knockd[731]:`. */
function tagAndPid(word: string): [tag: string, pid: string] {
  const bracket = word.charCodeAt(word.length - 2) === 0x5d ? word.indexOf("[") : -1;
  if (bracket <= 0) return [word.slice(0, -1), ""];
  return [word.slice(0, bracket), word.slice(bracket + 1, -2)];
}

/**
 * The offset of RFC 5424's message, after `-` or `[id name="value"]…`. A bracket within quotes does not end the data.
 */
function behindData(line: string, at: number): number {
  if (line.startsWith("- ", at)) return at + 2;
  const data = /^(?:\[(?:[^\]"]|"(?:[^"\\]|\\.)*")*\])+ /.exec(line.slice(at));
  return data === null ? -1 : at + data[0].length;
}
