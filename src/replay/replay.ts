// Replays a whole capture through the doors of a config.

import type { ResolvedDoor } from "../config/resolved-door.ts";
import { type Address, sameAddress } from "../net/address.ts";
import { AddressSet } from "../net/address-set.ts";
import type { UnusedSequences } from "../sequences/one-time-memory.ts";
import { OpenPorts } from "./open-ports.ts";
import type { Reading, Savefile } from "./pcap-file.ts";
import { Simulation, type SimulationOptions } from "./simulation.ts";

export interface PlayOptions extends Pick<SimulationOptions, "said" | "ran" | "ignored"> {
  readonly resolvedDoors: readonly ResolvedDoor[];
  readonly unused: UnusedSequences;
  /** The addresses of the host on which the capture was made. Empty: every destination counts. */
  readonly own: readonly Address[];
  /** Called after each batch with the position in bytes. Resolves with false to stop. */
  readonly onBatch: (position: () => number) => Promise<boolean>;
}

export interface Played {
  /** TCP and UDP packets. */
  readonly packets: number;
  /** Frames without a visible TCP or UDP header: other protocols, fragments, truncated frames. */
  readonly otherFrames: number;
  readonly openings: number;
  /** Addresses that received knocks. Only the first few. */
  readonly knockedAt: readonly Address[];
  /** libpcap's error. Nothing after it can be read. */
  readonly damage: string | undefined;
}

/** Throws libpcap's error if the file is not a capture. */
export async function play(savefile: Savefile, options: PlayOptions): Promise<Played> {
  const { own, onBatch } = options;
  const addresses = new AddressSet(own);
  const openPorts = new OpenPorts();
  // If the capture can be read twice, learn first which ports reply.
  if (savefile.size !== undefined) {
    await each(savefile.open(), ({ records }, count) => {
      for (let i = 0; i < count; i++) openPorts.observe(records.at(i));
      return undefined;
    });
  }
  const reading = savefile.open();
  const simulation = new Simulation({
    ...options,
    oneTimeFiles: options.unused,
    openPorts,
    isOurs: own.length === 0 ? () => true : (address) => addresses.has(address),
    isClient: (address) => addresses.isClient(address),
    mayDuplicate: reading.mayDuplicate,
  });
  let packets = 0;
  let frames = 0;
  const damage = await each(reading, async ({ records }, count) => {
    for (let i = 0; i < count; i++) {
      const packet = records.at(i);
      if (savefile.size === undefined) openPorts.observe(packet);
      // The host talks to itself, even if we do not know its address.
      if (own.length === 0 && sameAddress(packet.source, packet.destination)) continue;
      const later = simulation.knock(packet);
      if (later !== undefined) await later;
    }
    packets += count;
    frames = reading.frames;
    return onBatch(() => reading.position);
  });
  await simulation.end();
  return {
    packets,
    openings: simulation.opened,
    knockedAt: simulation.knockedAt,
    otherFrames: frames - packets,
    damage: damage ?? savefile.damage,
  };
}

/** Returns the error at which reading ended, if any. */
async function each(
  reading: Reading,
  onBatch: (reading: Reading, count: number) => Promise<boolean> | undefined,
): Promise<string | undefined> {
  try {
    for (;;) {
      let count: number;
      try {
        count = reading.next();
      } catch (error) {
        return (error as Error).message;
      }
      if (count < 0 || (await onBatch(reading, count)) === false) return undefined;
    }
  } finally {
    reading.close();
  }
}
