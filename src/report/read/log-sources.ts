// Finds the logs and reads their bytes: files, including rotated and compressed ones, the journal, and standard input.

import { spawn } from "node:child_process";
import { closeSync, createReadStream, existsSync, fstatSync, openSync, readdirSync, readSync, statSync } from "node:fs";
import { join } from "node:path";
import type { Readable } from "node:stream";
import { NoReport } from "../options.ts";
import { isPackedOtherwise, unpacked } from "./unpack.ts";

/** Which lines to take from a log. If two files have the kernel's lines, only one is used for them. */
export type LineOrigin = "all" | "knockd" | "kernel";

export interface Log {
  readonly name: string;
  readonly lines: LineOrigin;
  /** In bytes, before they are decompressed. 0 if it is unknown. */
  readonly size: number;
  /** When it was last written, in seconds since 1970. */
  readonly written: number;
  /** Calls `read` with the number of bytes of each chunk, in the unit of `size`. */
  open(read: (bytes: number) => void): AsyncIterable<Buffer>;
}

/** A larger chunk is no faster, and costs memory. */
const CHUNK = 1 << 16;
/** Log files that may be rotated, by number or any form of date, and compressed. */
const ROTATED = /^(kern\.log|syslog|messages)([.-]\d[\d-]*)?(\.(gz|xz|zst|bz2|lz4|lzma|zip))?$/;
const ROTATED_UFW = /^ufw\.log([.-]\d[\d-]*)?(\.(gz|xz|zst|bz2|lz4|lzma|zip))?$/;
/** syslogd's logs, in the order in which their lines are looked for. */
const LOGS = ["kern.log", "syslog", "messages"] as const;
/** What lines about packets have, those of ufw, and knockd's own. */
const [PACKET, UFW, KNOCKD] = [" SRC=", "[UFW ", " knockd"].map((sign) => Buffer.from(sign)) as [
  Buffer,
  Buffer,
  Buffer,
];
/** How much of a log's end to search. A log that has such lines at all has one there. */
const SEARCHED_BYTES = 1 << 22;
export const JOURNAL = "the journal";
const JOURNALS = ["/var/log/journal", "/run/log/journal"];

/** Throws an Error for systemErrorText. */
export function file(path: string, lines: LineOrigin = "all"): Log {
  const { size, mtimeMs } = statSync(path);
  return {
    name: path,
    lines,
    size,
    written: mtimeMs / 1000,
    open: (read) => {
      const bytes = createReadStream(path, { highWaterMark: CHUNK });
      return unpacked(path, told(bytes, read));
    },
  };
}

export function standardInput(now: number): Log {
  const size = fstatSync(0).isFile() ? fstatSync(0).size : 0;
  return {
    name: "standard input",
    lines: "all",
    size,
    written: now / 1000,
    open: (read) => unpacked("standard input", told(process.stdin, read)),
  };
}

/** syslogd's logs in `folder` since then whose compression is not supported, so their lines are not read. */
export function packedOtherwise(folder: string, since: number): string[] {
  return readdirSync(folder)
    .filter((name) => (ROTATED.test(name) || ROTATED_UFW.test(name)) && isPackedOtherwise(name))
    .map((name) => join(folder, name))
    .filter((path) => statSync(path).mtimeMs / 1000 >= since)
    .sort();
}

/**
 * syslogd's logs in `folder` that may have lines since then. Debian's rsyslog.conf writes the kernel's lines to kern.log and to
 * syslog, others write everything to messages. So each kind of line is taken from the first of these logs that has it. A log
 * that a former syslogd has left behind then hides no other. ufw's lines may be only in ufw.log.
 */
export function syslogs(folder: string, since: number): Log[] {
  const all = readdirSync(folder)
    .filter((name) => !isPackedOtherwise(name))
    .sort();
  const rotated = LOGS.map((log) => all.filter((name) => ROTATED.test(name) && name.startsWith(log)));
  const [kernLog = [], ...general] = rotated;
  const has = (names: readonly string[], sign: Buffer) => names.some((name) => contains(join(folder, name), sign));
  const first = (logs: readonly (readonly string[])[], sign: Buffer) =>
    logs.find((names) => has(names, sign)) ?? logs.find((names) => names.length > 0) ?? [];
  const [kernels, knockds] = [first([kernLog, ...general], PACKET), first(general, KNOCKD)];
  const logs = [...new Set([...kernels, ...knockds])].map((name) =>
    file(join(folder, name), !knockds.includes(name) ? "kernel" : kernels.includes(name) ? "all" : "knockd"),
  );
  // ufw's own file repeats lines of the kernel, unless "& stop" in rsyslog.d/20-ufw.conf keeps them out of the other
  // files.
  const ufws = has(kernels, UFW) ? [] : all.filter((name) => ROTATED_UFW.test(name));
  return [...logs, ...ufws.map((name) => file(join(folder, name), "kernel"))].filter(({ written }) => written >= since);
}

/** Does the file have this text near its end? Not if it is compressed. */
function contains(path: string, sign: Buffer): boolean {
  const descriptor = openSync(path, "r");
  try {
    const { size } = fstatSync(descriptor);
    const bytes = Buffer.alloc(Math.min(size, SEARCHED_BYTES));
    return bytes.subarray(0, readSync(descriptor, bytes, 0, bytes.length, size - bytes.length)).includes(sign);
  } finally {
    closeSync(descriptor);
  }
}

export const hasJournal = (): boolean => JOURNALS.some((folder) => existsSync(folder));

/** The lines of the kernel, of knockd and of these programs, from all boots. Undefined: the lines of all programs. */
export function journal(
  since: number | undefined,
  until: number | undefined,
  now: number,
  tags: readonly string[] | undefined,
): Log {
  const between = [
    ...(since === undefined ? [] : [`--since=@${Math.floor(since)}`]),
    ...(until === undefined ? [] : [`--until=@${Math.ceil(until)}`]),
  ];
  const args = [
    "--quiet",
    "--no-pager",
    "--output=short-unix",
    ...between,
    ...(tags === undefined ? [] : ["_TRANSPORT=kernel"]),
    ...(tags === undefined ? [] : ["knockd", ...tags]).flatMap((tag) => ["+", `SYSLOG_IDENTIFIER=${tag}`]),
  ];
  return {
    name: JOURNAL,
    lines: "all",
    size: 0,
    written: now / 1000,
    open: (read) => output("journalctl", args, read),
  };
}

async function* output(program: string, args: readonly string[], read: (bytes: number) => void): AsyncIterable<Buffer> {
  const child = spawn(program, args, { stdio: ["ignore", "pipe", "pipe"] });
  let complaint = "";
  child.stderr.setEncoding("utf8").on("data", (text) => {
    if (complaint.length < 1000) complaint += text;
  });
  const ended = new Promise<number | null>((resolve, reject) => {
    child.once("error", reject);
    child.once("close", resolve);
  });
  ended.catch(() => {}); // awaited below, after everything was read
  try {
    yield* told(child.stdout, read);
    const status = await ended;
    if (status !== 0) throw new NoReport(`${program}: ${complaint.trim() || `status ${status}`}`);
  } finally {
    child.kill();
  }
}

async function* told(stream: Readable, read: (bytes: number) => void): AsyncIterable<Buffer> {
  for await (const chunk of stream as AsyncIterable<Buffer>) {
    read(chunk.length);
    yield chunk;
  }
}
