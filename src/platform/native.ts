// Declares, documents and loads the whole interface of the addon. No other file does.

import { writeSync } from "node:fs";
import nodeGypBuild from "node-gyp-build";
import type { ExpectedKnock } from "../net/expected-knock.ts";
import { packageRoot } from "./package-root.ts";
import { isSingle, loadEmbedded } from "./single-executable.ts";

/** What to listen to: a live interface, or a capture file that tcpdump or libpcap wrote. */
export type CaptureOptions =
  | {
      device: string;
      /** Bytes of each frame to keep. Headers are enough: with 65,535 the ring holds 16 packets of a burst. */
      snapLength: number;
      /** The kernel's ring, in bytes. */
      bufferSize: number;
      /**
       * `time` is when a packet arrived at this machine, the same at every interface that sees it. This costs about 20 ns for
       * each packet of the machine. Otherwise `time` is when the packet came into the ring.
       */
      stampArrival?: boolean;
    }
  | { savefile: string };

/**
 * One libpcap handle, close-on-exec. A live one is immediate, non-blocking and not promiscuous.
 * Every method but `close` throws an Error "capture is closed" after `close()`.
 */
export interface NativeCapture {
  /** libpcap's DLT_ number (https://www.tcpdump.org/linktypes.html). */
  readonly linkType: number;
  /** libpcap's description of the link type. Empty if it has none. */
  readonly linkTypeName: string;
  /** The number of frames that `read` has taken, knocks or not. */
  readonly framesRead: number;
  /**
   * Replaces the filter in one step. An instruction has eight bytes (`struct sock_filter`, this machine's byte order). Offsets
   * are those in libpcap's frames. Throws if it is no valid program or the kernel rejects it.
   */
  setFilter(program: Uint8Array): void;
  /**
   * Calls back when packets wait, again and again until they are read. With `everyMs` (1 to 999), calls back at this interval
   * instead, even if none waits. For live handles only, and only once until `stop()`.
   */
  start(onReadable: () => void, everyMs?: number): void;
  /** Ends the callbacks. Does nothing if they have not begun. */
  stop(): void;
  /**
   * Decodes waiting packets into `buffer` (layout: records.ts), as many as fit. Never blocks. Returns the number of records,
   * which is 0 if all frames were no knocks. Returns -1 if no frame waits or the savefile is at its end. Returns -2 if no frame
   * waits because the interface is down: then nothing calls back when the interface is removed, so read again now and then.
   * Throws with libpcap's message, after the packets that came before: "The interface disappeared", a damaged savefile.
   */
  read(buffer: ArrayBuffer): number;
  /**
   * The filter as the kernel has it (for a savefile: as it was set), in the form that `setFilter` takes. Empty if there is no
   * filter. Throws with the system's message.
   */
  heldFilter(): Uint8Array;
  /**
   * The numbers since the handle was opened. Throws with the system's message.
   */
  stats(): CaptureStats;
  /** Ends the callbacks and frees the handle. You may call it in any state, inside the callback, and again. */
  close(): void;
}

export interface CaptureStats {
  /** Packets that the filter passed, including dropped ones. */
  readonly received: number;
  /** Packets lost because the ring was full. */
  readonly dropped: number;
  /** Frames that `read` has taken. */
  readonly read: number;
}

/** The interfaces of this machine (rtnetlink(7)). */
export interface Snapshot {
  readonly links: readonly Link[];
  /** This host's addresses as text without scope or prefix, also those of links that are down. */
  readonly addresses: readonly OwnAddress[];
  /** The links of the default routes in the main table, for IPv4 and IPv6. A link may come twice. */
  readonly defaults: readonly number[];
}

export interface OwnAddress {
  readonly index: number;
  readonly address: string;
  /** For an IPv4 address: the interface's name, or an alias (`eth0:0`). IPv6 has no labels. */
  readonly label?: string;
  /** The directed broadcast address of an IPv4 address's network, if there is one. */
  readonly broadcast?: string;
}

export interface Link {
  readonly index: number;
  readonly name: string;
  /** Its alternative names, up to 127 bytes each (`ip link property add`). */
  readonly altnames?: readonly string[];
  /** Is it set up by the administrator? A cable does not matter. */
  readonly up: boolean;
}

export interface NativeLinkWatch {
  /** Ends the calls. Again, and from inside the callback, too. */
  close(): void;
}

/** A socket to nf_tables. src/firewall/ makes and reads the messages, one complete message after the other. */
export interface NativeNftSocket {
  /** The number by which the kernel knows this socket as the owner of a table. */
  readonly port: number;
  /**
   * Sends a batch whose last change asks for an acknowledgement (NLM_F_ACK). Returns 0 if the kernel has done the whole batch.
   * Otherwise it has done nothing, and the result is its first error (errno, above 0). With EPROTO or ENOBUFS it is unknown
   * which of both happened. Waits while another process changes nf_tables.
   */
  transact(batch: Uint8Array): number;
  /**
   * Sends the batch at this knock, if it is the next packet that any capture reads, before that capture calls back. Replaces
   * what was expected before.
   */
  expect(knock: ExpectedKnock, batch: Uint8Array): void;
  /** Ends that. Returns what `transact` would have returned if the batch was sent, otherwise undefined. */
  takeExpected(): number | undefined;
  /** Sends a request or a dump request. Returns the messages of the answer, or errno: EINTR if a change disturbed it. */
  ask(request: Uint8Array): Uint8Array | number;
  /** Closes the socket. Its table then has no owner. Later calls fail with EBADF. You may call it again. */
  close(): void;
}

export interface NativeNftWatch {
  /** Ends the calls. Again, and from inside the callback, too. */
  close(): void;
}

export interface Native {
  Capture: {
    /** Opens the capture. Throws with libpcap's message: no such device, no permission, device down, no capture file. */
    new (options: CaptureOptions): NativeCapture;
    /** Would this program pass this frame (from its link-layer header on)? Runs in user space. */
    matches(program: Uint8Array, frame: Uint8Array): boolean;
  };
  /** Decodes one frame of a link type into the first record of `record`. False if it is not a knock. */
  decode(frame: Uint8Array, linkType: number, record: ArrayBuffer): boolean;
  LinkWatch: {
    /**
     * Calls back soon after a link or an address has come, gone or changed; with `withRoutes`, also a route. One call may stand
     * for many changes. Throws with the system's message.
     */
    new (onChange: () => void, withRoutes: boolean): NativeLinkWatch;
  };
  /** The interfaces and addresses of now. `defaults` only `withRoutes`. Throws with the system's message. */
  snapshot(withRoutes: boolean): Snapshot;
  NftSocket: {
    /** Throws with the system's message. */
    new (): NativeNftSocket;
  };
  NftWatch: {
    /**
     * Calls back with the messages of each change that any process makes to nf_tables, except new elements. If messages were
     * lost, calls back with an empty array. Throws with the system's message.
     */
    new (onChange: (messages: Uint8Array) => void): NativeNftWatch;
  };
  /** The ports of listening TCP sockets and of UDP sockets. A port may come twice. Throws with the system's message. */
  listeningPorts(): { tcp: number[]; udp: number[] };
  /**
   * Locks a file, and makes it if it is missing. The lock lasts until the descriptor is closed or this process ends (fcntl(2)).
   * If another process holds the lock, returns its process id, or 0 if that is not visible. Do not lock a file twice in one
   * process. Throws with the system's message.
   */
  lock(path: string): { readonly descriptor: number } | { readonly holder: number };
  /**
   * Sends one line with this time (seconds since 1970) to the system's log: identifier "knockd" without a pid, facility daemon,
   * priority notice. Never blocks. "full" (the log's reader is slow) and "absent" (there is none) mean that it was not sent.
   */
  syslog(text: string, time: number): "sent" | "full" | "absent";
  /** Sends one datagram to systemd's socket: a path, or `@` and an abstract name. Never blocks. False if it was not sent. */
  notify(socket: string, text: string): boolean;
  /**
   * Starts the first of these command lines (`[file, argument, …]`) that the system accepts. The process has a session of its
   * own, standard input, output and error, no other descriptor, and no blocked or ignored signal. First it creates the file
   * `marker`, unless `marker` is empty or cannot be created. `onEnd` gets the exit status, or 128 + n if signal n ended it, and
   * the first 512 bytes of its standard error. All of its standard error is also passed on to ours. Returns the process id,
   * which is also that of its process group, and stays valid until `onEnd`. Throws with the system's message if nothing could
   * be started. Undefined if the kernel has no pidfd_open (before Linux 5.3).
   */
  runCommand?(candidates: string[][], marker: string, onEnd: (status: number, wrote: Buffer) => void): number;
  /**
   * Returns the next bytes of an open file, a pipe or a socket, at most `count` (64), and leaves them there. Waits for them.
   * Returns fewer at the end. Throws with the system's message where that is not possible, as for a device.
   */
  peek(descriptor: number, count: number): Buffer;
  /**
   * Gives back memory that can be read again: pages of the files of the program and its libraries, and what malloc keeps. Does
   * nothing without /proc.
   */
  releaseUnusedMemory(): void;
  /** Sets all bytes to 0, and gives the memory back to the system until it is written again. */
  zeroAndRelease(buffer: ArrayBuffer): void;
  /**
   * Sets what other programs see of this process: its short name, at most 15 bytes, and its command line without the `count`
   * words after the first `index` words, which belong to Node. Without /proc, sets only the name.
   */
  nameProcess(name: string, index: number, count: number): void;
  /** Makes /dev/null the standard input, output and error, and / the working directory. */
  detach(): void;
  /**
   * Refuses the system calls of native/syscall_filter.cc with EPERM, above all those that start a program. Then gives up all
   * capabilities (capabilities(7)) but these. Both are for good and for all threads. Throws with the system's message if
   * either fails.
   */
  lockDown(capabilities: number[]): void;
  /** Is the kernel's clock synchronised, by chrony, systemd-timesyncd or ntpd? */
  isClockSet(): boolean;
  /** Ends the process at once, without exit handlers and without waiting for threads that wait for a name server. */
  exitNow(status: number): never;
}

/**
 * Loads the addon that was built here (build/Release), otherwise the one in npm's package for this machine (prebuilds). An
 * error ends the process here, because this runs before any code that could catch it.
 */
function load(): Native {
  try {
    return isSingle ? (loadEmbedded("knockd.node") as Native) : nodeGypBuild(packageRoot);
  } catch (error) {
    writeSync(2, `knockd: cannot load its native addon: ${(error as Error).message.split("\n")[0]}\n`); // no libpcap, not built
    process.exit(1);
  }
}

export const native: Native = load();
