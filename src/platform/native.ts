// The addon's whole surface, declared and documented here and nowhere else, and the one place that loads it.

import { writeSync } from "node:fs";
import nodeGypBuild from "node-gyp-build";
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
       * `time` is that of a packet's arrival at this machine, the same at whatever interface it is seen. Costs all the
       * machine's traffic some 20 ns a packet; otherwise it is when the packet came into the ring.
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
  /** libpcap's description of it; empty when it has none. */
  readonly linkTypeName: string;
  /** Frames that `read` has taken, knocks or not. */
  readonly framesRead: number;
  /**
   * Replaces the filter in one step: eight bytes an instruction (`struct sock_filter`, this machine's byte order), with
   * the offsets of libpcap's frames. Throws when it is not a program, or when the kernel did not take it.
   */
  setFilter(program: Uint8Array): void;
  /**
   * Calls back when packets wait, again and again until they are read; or every so many milliseconds (1 to 999), whether
   * any wait or not. Live handles only; once until `stop()`.
   */
  start(onReadable: () => void, everyMs?: number): void;
  /** Ends the calls. Nothing happens when they had not begun. */
  stop(): void;
  /**
   * Decodes the packets that wait, at most as many as records fit, into `buffer` (layout: records.ts).
   * Never blocks. Returns how many records it wrote, 0 too when there were only frames that are no knocks;
   * -1 when no frame waits or the savefile is at its end; and -2 when no frame waits because the interface is down:
   * then nothing calls back when it is removed, so read again now and then.
   * Throws in libpcap's words, after the packets that came before: "The interface disappeared", a damaged savefile.
   */
  read(buffer: ArrayBuffer): number;
  /**
   * The filter as the kernel holds it (a savefile: as it was set), in the form that `setFilter` takes. Empty when there
   * is none. Throws in the system's words.
   */
  heldFilter(): Uint8Array;
  /**
   * Since the handle was opened. Throws in the system's words.
   */
  stats(): CaptureStats;
  /** Ends the calls and frees the handle. May be called in any state, from inside the callback too, and again. */
  close(): void;
}

export interface CaptureStats {
  /** Packets that the filter let through, with those dropped. */
  readonly received: number;
  /** Packets lost because the ring was full. */
  readonly dropped: number;
  /** Frames that `read` has taken. */
  readonly read: number;
}

/** The interfaces of this machine (rtnetlink(7)). */
export interface Snapshot {
  readonly links: readonly Link[];
  /** Own addresses, in text without scope or prefix, also of links that are down. */
  readonly addresses: readonly OwnAddress[];
  /** The links of the default routes in the main table, IPv4's and IPv6's; one may come twice. */
  readonly defaults: readonly number[];
}

export interface OwnAddress {
  readonly index: number;
  readonly address: string;
  /** Of an IPv4 address: the interface's name, or an alias (`eth0:0`). IPv6 has no labels. */
  readonly label?: string;
  /** The directed broadcast of an IPv4 address' network, where there is one. */
  readonly broadcast?: string;
}

export interface Link {
  readonly index: number;
  readonly name: string;
  /** Its alternative names, of up to 127 bytes (`ip link property add`). */
  readonly altnames?: readonly string[];
  /** Set up by the administrator; whether a cable is in does not matter. */
  readonly up: boolean;
}

export interface NativeLinkWatch {
  /** Ends the calls. Again, and from inside the callback, too. */
  close(): void;
}

/** A socket to nf_tables. The messages, whole and one behind the other, are made and read in src/firewall/. */
export interface NativeNftSocket {
  /** By this number the kernel knows the socket: the owner of a table. */
  readonly port: number;
  /**
   * Sends a batch, of which the last change asks for an acknowledgement (NLM_F_ACK). When this returns it has happened as a
   * whole, and the result is 0; or nothing of it has, and the result is the kernel's first error (errno, above 0). EPROTO
   * or ENOBUFS: the kernel has not said. Waits while another process changes nf_tables.
   */
  transact(batch: Uint8Array): number;
  /** Sends a request, or a dump's, and returns the messages of its answer; or errno: EINTR when a change disturbed it. */
  ask(request: Uint8Array): Uint8Array | number;
  /** A table that it owns has no owner then. Afterwards all fails with EBADF. Again, too. */
  close(): void;
}

export interface NativeNftWatch {
  /** Ends the calls. Again, and from inside the callback, too. */
  close(): void;
}

export interface Native {
  Capture: {
    /** Opens it. Throws in libpcap's words: no such device, no permission, the device is down, not a capture file. */
    new (options: CaptureOptions): NativeCapture;
    /** Would this program let this frame (from its link-layer header on) through? Runs in user space. */
    matches(program: Uint8Array, frame: Uint8Array): boolean;
  };
  /** Decodes one frame of a link type into the first record of `record`; false when it is not a knock. */
  decode(frame: Uint8Array, linkType: number, record: ArrayBuffer): boolean;
  LinkWatch: {
    /**
     * Calls back, soon and perhaps once for many, when a link or an address has come, gone or changed; with
     * `withRoutes`, a route too. Throws in the system's words.
     */
    new (onChange: () => void, withRoutes: boolean): NativeLinkWatch;
  };
  /** What is there now; the defaults only `withRoutes`. Throws in the system's words. */
  snapshot(withRoutes: boolean): Snapshot;
  NftSocket: {
    /** Throws in the system's words. */
    new (): NativeNftSocket;
  };
  NftWatch: {
    /**
     * Calls back with the messages of each change that anyone makes to nf_tables, other than new elements; with none when
     * some were lost. Throws in the system's words.
     */
    new (onChange: (messages: Uint8Array) => void): NativeNftWatch;
  };
  /** The ports at which this host's TCP sockets listen, and those of its UDP sockets. One may come twice. Throws in the system's words. */
  listeningPorts(): { tcp: number[]; udp: number[] };
  /**
   * Locks a file, made where it is not there, for as long as this process lives or until the descriptor is closed
   * (fcntl(2)); or says which process holds it, 0 where that can't be seen. Never twice for one file in one process.
   * Throws in the system's words.
   */
  lock(path: string): { readonly descriptor: number } | { readonly holder: number };
  /**
   * One line of that time (seconds since 1970) to the system's log: identifier "knockd" without a pid, facility daemon,
   * priority notice. Never blocks: "full" when the log's reader is slow, "absent" when there is none; the line is not sent.
   */
  syslog(text: string, time: number): "sent" | "full" | "absent";
  /** One datagram to systemd's socket: a path, or `@` and an abstract name. Never blocks; false when it was not sent. */
  notify(socket: string, text: string): boolean;
  /**
   * Starts the first of these command lines (`[file, argument, …]`) that the system accepts, in a session of its own with
   * standard input, output and error, no other descriptor, and no signal blocked or ignored. Its process first creates the
   * file `marker`, unless that is empty or cannot be created. `onEnd` gets the exit status, or 128 + n when signal n ended
   * it, and the first 512 bytes of its standard error, all of which is passed on to ours. Returns its process id, which is
   * its process group's too and stays its own until `onEnd`. Throws in the system's words when nothing could be started.
   * Undefined where the kernel has no pidfd_open (before Linux 5.3).
   */
  runCommand?(candidates: string[][], marker: string, onEnd: (status: number, wrote: Buffer) => void): number;
  /**
   * Gives back the memory that start-up has touched and that can be had again: pages of the program's and the libraries'
   * files, and what malloc keeps. Where /proc is missing, nothing happens.
   */
  releaseUnusedMemory(): void;
  /** Sets all bytes to 0, and gives their memory back to the system until they are written again. */
  zeroAndRelease(buffer: ArrayBuffer): void;
  /**
   * What others see of this process: its short name, of at most 15 bytes, and its command line without `count`
   * words behind the first `index`, which are Node's. Where /proc is missing, only the name.
   */
  nameProcess(name: string, index: number, count: number): void;
  /** Standard input, output and error become /dev/null, the working directory /. */
  detach(): void;
  /**
   * For good, in all threads: refuses with EPERM the system calls of native/syscall_filter.cc, above all those that start
   * a program; then keeps only these capabilities (capabilities(7)) of those that the process has. Throws in the system's
   * words when one of the two failed.
   */
  lockDown(capabilities: number[]): void;
  /** Is the kernel's clock synchronised, by chrony, systemd-timesyncd or ntpd? */
  isClockSet(): boolean;
  /** Ends the process at once: no exit handler, and no waiting for threads that wait for a name server. */
  exitNow(status: number): never;
}

/**
 * What was built here (build/Release), or else what npm's package brings along for this machine (prebuilds). An error
 * nobody could catch: it comes before anything of ours runs.
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
