// Makes V8 compile the code that a knock runs through, before the first client comes. V8 interprets code that has run only a
// few times. Its bytecode and V8's notes about it take far more memory than machine code, and after a pause all of that must
// come from RAM while the client waits. So invented clients knock at an invented door, with state and a clock of their own.
// Nothing of this reaches the kernel, the log or a real door. V8 discards compiled code when it meets objects of another
// shape. So everything here that is not faked is made by the same classes as in the daemon.

import { setImmediate as nextTurn } from "node:timers/promises";
import { Records } from "../capture/records.ts";
import { knockFrame } from "../capture/self-test.ts";
import { parseConfig } from "../config/parse.ts";
import { AllDoors } from "../doors/all-doors.ts";
import { Doorkeeper } from "../doors/doorkeeper.ts";
import { KernelDoors } from "../doors/kernel-doors.ts";
import { KnockOpener } from "../doors/knock-opener.ts";
import { nullLedger } from "../doors/null-ledger.ts";
import type { DoorEvent } from "../events/door-event.ts";
import { Firewall } from "../firewall/firewall.ts";
import { INET, TABLE_NAME } from "../firewall/layout.ts";
import { NetlinkWriter } from "../firewall/netlink.ts";
import { MESSAGE, TABLE } from "../firewall/nftables.ts";
import { NoKernel } from "../firewall/no-kernel.ts";
import { EventLog } from "../log/event-log.ts";
import { Logger } from "../log/logger.ts";
import type { Address } from "../net/address.ts";
import { AddressSet } from "../net/address-set.ts";
import { native } from "../platform/native.ts";
import { after } from "../platform/timer.ts";
import { CaptureLoop } from "./capture-loop.ts";

/** Enough for the table of open doors to grow once. More would make V8 optimise more code, which takes megabytes. */
export const CLIENTS = 64;
/** Sequences per turn of the event loop. A real packet that comes meanwhile waits 1 ms, or 20 ms on a Pi Zero. */
const SEQUENCES_AT_ONCE = 16;

const CONFIG = "[door]\nsequence = 1,2,3\nopen = tcp/22\nfor = 1s\n";
const PORTS = [1, 2, 3] as const;
/** Not whole numbers, because the times of the daemon's clock are not whole either: V8 stores these differently. */
const START_MS = 1000.25;
const KNOCK_MS = 50.3;
const CLOSING_MS = 2000.7;

/** Takes less than 0.1 s of processor time, in small pieces. Resolves with the number of rehearsed openings. */
export async function warmUp(): Promise<number> {
  const rehearsal = new Rehearsal();
  for (let first = 0; first < CLIENTS; first += SEQUENCES_AT_ONCE) {
    rehearsal.knock(first, first + SEQUENCES_AT_ONCE);
    await nextTurn();
  }
  rehearsal.loseTable();
  rehearsal.pass(CLOSING_MS);
  return rehearsal.opened;
}

interface Timer {
  readonly due: number;
  readonly callback: () => void;
}

class Rehearsal {
  opened = 0;
  #onFirewallChange: (messages: Uint8Array) => void = () => {};
  #now = START_MS;
  readonly #timers = new Set<Timer>();
  readonly #records = new Records(1);
  readonly #captureLoop: CaptureLoop;
  #sent = 0;

  constructor() {
    const now = () => this.#now;
    const seconds = () => this.#now / 1000;
    const inTime = (wait: number, callback: () => void) => this.#after(wait, callback);
    const logger = new Logger({ debug: false, verbose: true }, NOWHERE, NOWHERE);
    const eventLog = new EventLog(logger, undefined, now, inTime);
    const onEvent = (event: DoorEvent) => {
      if (event.type === "opened") this.opened++;
      eventLog.doorEvent(event);
    };
    const firewall = new Firewall({
      openSocket: () => new NoKernel(),
      mayOwn: false, // so that the firewall watches the table
      watch: (onChange) => {
        this.#onFirewallChange = onChange;
        return { close() {} };
      },
      now: seconds,
      onRestored() {},
      record: { isThere: false, save() {}, clear() {} },
      onTrouble() {},
      config: "",
    });
    const kernelDoors = new KernelDoors({ firewall, onEvent, onFailure() {}, after: inTime, now: seconds });
    const run = async () => ({ status: 0, stderrHead: "" });
    const doorkeeper = new Doorkeeper({ run, after: inTime, now: seconds, onEvent, ledger: nullLedger() });
    const doors = new AllDoors(kernelDoors, doorkeeper, onEvent);
    this.#captureLoop = new CaptureLoop({
      now,
      after: inTime,
      source: () => SOURCE,
      listeningPorts: () => ({ tcp: [], udp: [] }),
      ephemeral: { low: 32_768, high: 60_999 },
      eventLog,
      opener: new KnockOpener({ doors: () => doors, files: NO_FILES, onNotice() {}, onUsed() {} }),
      packetLog: undefined,
      memory: { clear() {}, release() {} },
      capacity: 2 * CLIENTS,
    });
    const config = parseConfig(CONFIG, "", () => undefined);
    kernelDoors.apply(config.doors, config.options.firewall);
    const resolved = config.doors.map((door) => ({ door, targets: undefined }));
    this.#captureLoop.apply(resolved, config.doors);
  }

  /** Each client makes its whole sequence before the next one begins. */
  knock(first: number, end: number): void {
    for (let client = first; client < end; client++) {
      for (const port of PORTS) {
        this.#knock(client, port);
        this.pass(KNOCK_MS);
      }
    }
  }

  /** Simulates that another program flushes the firewall's rules. Until the table is back, everyone gets in. */
  loseTable(): void {
    const message = new NetlinkWriter().message(MESSAGE.delTable, 0, INET).string(TABLE.name, TABLE_NAME);
    this.#onFirewallChange(message.bytes);
  }

  /** Lets time pass, and calls the timers that are due. */
  pass(ms: number): void {
    this.#now += ms;
    for (const timer of this.#timers) {
      if (timer.due > this.#now) continue;
      this.#timers.delete(timer);
      timer.callback();
    }
  }

  #knock(client: number, port: number): void {
    const frame = Buffer.from(FRAMES[client & 1]!);
    this.#sent++;
    frame.writeUInt32BE(FIRST_CLIENT + client, SOURCE_AT);
    frame.writeUInt16BE(40_000 + (this.#sent % 20_000), SOURCE_PORT_AT);
    frame.writeUInt16BE(port, PORT_AT);
    frame.writeInt32BE(Math.imul(this.#sent, 0x9e3779b1), SEQUENCE_AT);
    native.decode(frame, RAW_IP, this.#records.buffer);
    this.#captureLoop.onBatch(OWN, this.#records, 1, this.#now);
  }

  /** Returns one of the daemon's timers, already cancelled. `pass` calls back instead, even if the caller cancels it. */
  #after(seconds: number, callback: () => void): { cancel(): void } {
    this.#timers.add({ due: this.#now + 1000 * seconds, callback });
    const timer = after(seconds, callback);
    timer.cancel();
    return timer;
  }
}

const NOWHERE = { write() {}, flush() {} };
const NO_FILES = { nextOneTime: () => undefined, strikeOut() {} };
const SOURCE = { mayDuplicate: false, isDuplicate: () => false, prepare() {}, widen() {}, follow() {}, readNow() {} };

/** TEST-NET-2 (RFC 5737): this host's two addresses, its broadcast address, and clients behind them. */
const [HOST, OTHER, BROADCAST, FIRST_CLIENT] = [0xc633_6401, 0xc633_6402, 0xc633_64ff, 0xc633_6410] as const;
const OWN = new AddressSet([ipv4(HOST), ipv4(OTHER)], [ipv4(BROADCAST)]);
const RAW_IP = 12; // DLT_RAW
const [SOURCE_AT, SOURCE_PORT_AT, PORT_AT, SEQUENCE_AT] = [12, 20, 22, 24] as const;
const FRAMES = [HOST, OTHER].map((to) =>
  knockFrame(RAW_IP, ipv4(to), { protocol: "tcp", port: PORTS[0] }, { set: 2, clear: 0 }),
);

function ipv4(address: number): Address {
  return { w0: 0, w1: 0, w2: 0xffff, w3: address | 0 };
}
