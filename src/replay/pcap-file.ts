// A capture written by tcpdump or another libpcap program: a file, or standard input.

import * as fs from "node:fs";
import { isSupported } from "../capture/bpf/filter.ts";
import { Records } from "../capture/records.ts";
import { type NativeCapture, native } from "../platform/native.ts";
import { gunzip, isGzip, isInputGzip } from "./gunzip.ts";

/** The name of standard input, for libpcap and for knockctl. */
export const STANDARD_INPUT = "-";
/** Linux cooked captures, v1 and v2: those of `any`, which may see a packet at two interfaces. */
const COOKED: ReadonlySet<number> = new Set([113, 276]);
/** PPP, PPPoE and IP of one version. No live handle has these link types (native/encapsulation.h). */
const SAVED_ONLY: ReadonlySet<number> = new Set([9, 50, 51, 204, 228, 229]);

export class Savefile {
  /** Bytes. Undefined if it is unknown beforehand, which means that the capture can be read only once. */
  readonly size: number | undefined;
  /** Where decompressing failed, and why. Nothing after that can be read. */
  readonly damage: string | undefined;
  readonly #path: string;

  private constructor(path: string, size: number | undefined, damage: string | undefined) {
    this.#path = path;
    this.size = size;
    this.damage = damage;
  }

  /** Opens a file, compressed or not, or standard input. Rejects with an Error that systemErrorText understands. */
  static async find(path: string): Promise<Savefile> {
    const isInput = path === STANDARD_INPUT;
    const stat = isInput ? undefined : fs.statSync(path);
    if (isInput ? !isInputGzip() : !stat!.isFile()) return new Savefile(path, undefined, undefined);
    if (stat !== undefined && !isGzip(path)) return new Savefile(path, stat.size, undefined);
    const plain = await gunzip(isInput ? undefined : path);
    return new Savefile(plain.path, fs.statSync(plain.path).size, plain.damage);
  }

  /** Begins to read. Throws libpcap's error if it is not a capture, or an Error if the link type is unknown. */
  open(): Reading {
    const capture = new native.Capture({ savefile: this.#path });
    const { linkType, linkTypeName } = capture;
    if (!isSupported(linkType) && !SAVED_ONLY.has(linkType))
      throw new Error(`link type ${linkType} (${linkTypeName || "unknown"}) is not supported`);
    // libpcap waits until a batch is full. From standard input, take each packet as soon as it arrives.
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

  /** May the capture contain a packet twice? */
  get mayDuplicate(): boolean {
    return COOKED.has(this.#capture.linkType);
  }

  /** The number of frames read, including those without a TCP or UDP packet. */
  get frames(): number {
    return this.#capture.framesRead;
  }

  /** The number of `records` read. Negative at the end. Throws libpcap's error where the file is damaged. */
  next(): number {
    return this.#capture.read(this.records.buffer);
  }

  /** The bytes that libpcap has read, according to /proc. */
  get position(): number {
    try {
      this.#position ??= this.#findPosition();
      return Number(/^pos:\s*(\d+)/.exec(fs.readFileSync(this.#position, "latin1"))?.[1] ?? 0);
    } catch {
      return 0; // unknown without /proc
    }
  }

  close(): void {
    this.#capture.close();
  }

  /** libpcap's own descriptor is the last one of that file. */
  #findPosition(): string {
    const path = fs.realpathSync(this.#path);
    const open = fs.readdirSync("/proc/self/fd").filter((fd) => {
      try {
        return fs.readlinkSync(`/proc/self/fd/${fd}`) === path;
      } catch {
        return false; // the descriptor of this very listing
      }
    });
    return `/proc/self/fdinfo/${open.at(-1)}`;
  }
}
