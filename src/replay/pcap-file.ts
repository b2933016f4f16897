// A capture written by tcpdump or another libpcap program: a file, or standard input.

import * as fs from "node:fs";
import { isSupported } from "../capture/bpf/filter.ts";
import { Records } from "../capture/records.ts";
import { type NativeCapture, native } from "../platform/native.ts";
import { gunzip, isGzip, isInputGzip } from "./gunzip.ts";

/** libpcap's name for standard input, and ours. */
export const STANDARD_INPUT = "-";
/** Linux's cooked captures, v1 and v2: of `any`, where one packet is seen at two interfaces. */
const COOKED: ReadonlySet<number> = new Set([113, 276]);
/** PPP, PPPoE and IP of one version: no live handle has them (native/encapsulation.h). */
const SAVED_ONLY: ReadonlySet<number> = new Set([9, 50, 51, 204, 228, 229]);

export class Savefile {
  /** Bytes; undefined when that can't be known beforehand, and when it can be read once only. */
  readonly size: number | undefined;
  /** What decompressing it has met: nothing behind it can be read. */
  readonly damage: string | undefined;
  readonly #path: string;

  private constructor(path: string, size: number | undefined, damage: string | undefined) {
    this.#path = path;
    this.size = size;
    this.damage = damage;
  }

  /** A file, compressed or not, or standard input. Rejects with an Error that systemErrorText understands. */
  static async find(path: string): Promise<Savefile> {
    const isInput = path === STANDARD_INPUT;
    const stat = isInput ? undefined : fs.statSync(path);
    if (isInput ? !isInputGzip() : !stat!.isFile()) return new Savefile(path, undefined, undefined);
    if (stat !== undefined && !isGzip(path)) return new Savefile(path, stat.size, undefined);
    const plain = await gunzip(isInput ? undefined : path);
    return new Savefile(plain.path, fs.statSync(plain.path).size, plain.damage);
  }

  /** Begins to read it. Throws in libpcap's words when it is no capture, or not of links that we know. */
  open(): Reading {
    const capture = new native.Capture({ savefile: this.#path });
    const { linkType, linkTypeName } = capture;
    if (!isSupported(linkType) && !SAVED_ONLY.has(linkType))
      throw new Error(`link type ${linkType} (${linkTypeName || "unknown"}) is not supported`);
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

  /** Frames that were read, with those that hold no TCP or UDP packet. */
  get frames(): number {
    return this.#capture.framesRead;
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
