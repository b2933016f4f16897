// Captures on one interface, and answers messages of capture-client.ts, which starts it in a network namespace:
//   capture-process INTERFACE listening [-4]      with an InterfaceCapture, as the daemon does
//   capture-process INTERFACE source              with a PacketReader, whose state can be seen

import { readdirSync, readFileSync } from "node:fs";
import { performance } from "node:perf_hooks";
import { buildFilter } from "../../src/capture/bpf/filter.ts";
import { InterfaceCapture } from "../../src/capture/interface-capture.ts";
import { ownAddresses } from "../../src/capture/interfaces.ts";
import { PacketReader, type PacketReaderOptions } from "../../src/capture/packet-reader.ts";
import type { Records } from "../../src/capture/records.ts";
import type { ResolvedDoor } from "../../src/config/resolved-door.ts";
import { formatAddress, parseAddress } from "../../src/net/address.ts";
import { type NativeCapture, native } from "../../src/platform/native.ts";
import type { Call, Captured } from "./capture-client.ts";

const [device = "", kind = "", onlyIpv4] = process.argv.slice(2);
const captured: Captured = { packets: 0, batches: 0, ports: [], busy: false, errors: [] };

/**
 * For each packet since the last request, the milliseconds from the kernel's ring to us, by the ring's clock.
 */
let waits: number[] = [];
const MAX_WAITS = 1_000_000;
const takeWaits = () => {
  const all = waits.sort((a, b) => a - b);
  waits = [];
  const at = (part: number) => all[Math.max(0, Math.ceil(part * all.length) - 1)] ?? Number.NaN;
  return { count: all.length, p50: at(0.5), p99: at(0.99), most: at(1) };
};

/** Running timers of the kernel (proc_pid_fdinfo(5)). */
function timersRunning(): number {
  const infos = readdirSync("/proc/self/fd").map((fd) => {
    try {
      return readFileSync(`/proc/self/fdinfo/${fd}`, "latin1");
    } catch {
      return ""; // the listing's own descriptor
    }
  });
  return infos.filter((info) => /^it_interval: \((?!0, 0\))/m.test(info)).length;
}

const options: PacketReaderOptions = {
  now: () => performance.now(),
  onBatch: (records: Records, count: number) => {
    const now = (performance.timeOrigin + performance.now()) / 1000;
    captured.batches++;
    captured.packets += count;
    for (let i = 0; i < count && captured.ports.length < 100; i++) captured.ports.push(records.at(i).port);
    for (let i = 0; i < count && waits.length < MAX_WAITS; i++) waits.push(1000 * (now - records.at(i).time));
  },
  onError: (error) => captured.errors.push(error.message),
};

function listening(): Record<string, (argument: never) => unknown> {
  const it = new InterfaceCapture(device, false, options);
  return {
    setDoors: (resolvedDoors: ResolvedDoor[]) =>
      it.setDoors(resolvedDoors, ownAddresses(device, native.snapshot(false), onlyIpv4 === "-4")),
    own: () => it.own.all.map(formatAddress),
    selfTest: () => it.selfTest(),
    isOurs: (text: string) => it.own.has(parseAddress(text)!),
    start: () => it.start(),
    close: () => it.close(),
  };
}

function source(): Record<string, (argument: never) => unknown> {
  const capture = new native.Capture({ device, snapLength: 256, bufferSize: 8 << 20 });
  let reads = 0;
  const counted: NativeCapture = {
    linkType: capture.linkType,
    linkTypeName: capture.linkTypeName,
    framesRead: capture.framesRead,
    setFilter: (program) => capture.setFilter(program),
    heldFilter: () => capture.heldFilter(),
    start: (onReadable, everyMs) => capture.start(onReadable, everyMs),
    stop: () => capture.stop(),
    read: (buffer) => {
      reads++;
      return capture.read(buffer);
    },
    stats: () => capture.stats(),
    close: () => capture.close(),
  };
  const it: PacketReader = new PacketReader(counted, {
    ...options,
    onBatch: (records, count, at) => {
      captured.busy ||= it.busy;
      options.onBatch(records, count, at);
    },
  });
  return {
    linkType: () => capture.linkType,
    setDoors: ({ own, resolvedDoors }: { own: string[]; resolvedDoors: ResolvedDoor[] }) => {
      const addresses = own.map((text) => parseAddress(text)!);
      capture.setFilter(buildFilter({ linkType: capture.linkType, own: addresses, resolvedDoors }));
    },
    start: () => it.start(),
    stats: () => capture.stats(),
    busy: () => it.busy,
    timers: timersRunning,
    waits: takeWaits,
    reads: () => reads,
    close: () => it.close(),
  };
}

let calls: Record<string, (argument: never) => unknown> = {};
const answer = (id: number, action: () => unknown) => {
  try {
    process.send!({ id, result: action() });
  } catch (error) {
    process.send!({ id, error: `${(error as Error).constructor.name}: ${(error as Error).message}` });
  }
};
process.on("message", ({ id, name, argument }: Call) =>
  answer(id, () => (name === "captured" ? captured : calls[name]!(argument as never))),
);
process.on("disconnect", () => process.exit());
answer(0, () => {
  calls = kind === "source" ? source() : listening();
});
