// A capture that tcpdump, or whoever uses libpcap, has written: a file, or standard input as it comes.

import * as fs from "node:fs";
import { isSupported } from "../capture/bpf/filter.ts";
import { Records } from "../capture/records.ts";
import { type NativeCapture, native } from "../platform/native.ts";

/** libpcap's name for standard input, and ours. */
export const STANDARD_INPUT = "-";
/** Linux's cooked captures, v1 and v2: of `any`, where one packet is seen at two interfaces. */
const COOKED: ReadonlySet<number> = new Set([113, 276]);

export class Savefile {
  /** Bytes; undefined when that can't be known beforehand, and when it can be read once only. */
  readonly size: number | undefined;
  readonly #path: string;

  /** Throws an Error that systemWords understands when there is none. */
  constructor(path: string) {
    this.#path = path;
    const stat = path === STANDARD_INPUT ? undefined : fs.statSync(path);
    this.size = stat?.isFile() ? stat.size : undefined;
  }

  /** Begins to read it. Throws in libpcap's words when it is no capture, or not of links that we know. */
  open(): Reading {
    const capture = new native.Capture({ savefile: this.#path });
    if (!isSupported(capture.linkType)) throw new Error(`link type ${capture.linkType} is not supported`);
    // Of standard input each packet as soon as it is there: libpcap waits for as many as there is room for.
    return new Reading(capture, new Records(this.size === undefined ? 1 : undefined), this.#path);
  }
}

export class Reading {
  readonly records: Records;
  readonly #capture: NativeCapture;
  readonly #path: string;
  #position: string | undefined;

  constructor(capture: NativeCapture, records: Records, path: string) {
    this.#capture = capture;
    this.records = records;
    this.#path = path;
  }

  /** Can it have a packet twice? */
  get mayDuplicate(): boolean {
    return COOKED.has(this.#capture.linkType);
  }

  /** How many `records` are there now; negative at the end. Throws in libpcap's words where it is damaged. */
  next(): number {
    return this.#capture.read(this.records.buffer);
  }

  /** Bytes that libpcap has fetched, as /proc has it. */
  get position(): number {
    try {
      this.#position ??= this.#findPosition();
      return Number(/^pos:\s*(\d+)/.exec(fs.readFileSync(this.#position, "latin1"))?.[1] ?? 0);
    } catch {
      return 0; // no /proc: nobody knows
    }
  }

  close(): void {
    this.#capture.close();
  }

  /** libpcap's own descriptor: the last one of that file. */
  #findPosition(): string {
    const path = fs.realpathSync(this.#path);
    const open = fs.readdirSync("/proc/self/fd").filter((fd) => {
      try {
        return fs.readlinkSync(`/proc/self/fd/${fd}`) === path;
      } catch {
        return false; // the one by which we look
      }
    });
    return `/proc/self/fdinfo/${open.at(-1)}`;
  }
}
