// Replays a whole capture through the doors of a config.

import type { ResolvedDoor } from "../config/resolved-door.ts";
import { type Address, sameAddress } from "../net/address.ts";
import { AddressSet } from "../net/address-set.ts";
import type { UnusedSequences } from "../sequences/one-time-memory.ts";
import { Answering } from "./open-ports.ts";
import type { Reading, Savefile } from "./pcap-file.ts";
import { Simulation, type SimulationOptions } from "./simulation.ts";

export interface PlayOptions extends Pick<SimulationOptions, "said" | "ran" | "ignored"> {
  readonly resolvedDoors: readonly ResolvedDoor[];
  readonly unused: UnusedSequences;
  /** Of the host whose capture it is. None: every destination counts. */
  readonly own: readonly Address[];
  /** After each batch, with how far we are, in bytes. False: nobody wants to hear more. */
  readonly onBatch: (position: () => number) => Promise<boolean>;
}

export interface Played {
  /** TCP's and UDP's. */
  readonly packets: number;
  /** Frames in which there was no TCP or UDP header to be seen: other protocols, fragments, frames cut short. */
  readonly otherFrames: number;
  readonly openings: number;
  /** To which knocks came, a few of them. */
  readonly knockedAt: readonly Address[];
  /** In libpcap's words: nothing behind it can be read. */
  readonly damage: string | undefined;
}

/** Throws in libpcap's words when it is no capture. */
export async function play(savefile: Savefile, options: PlayOptions): Promise<Played> {
  const { own, onBatch } = options;
  const addresses = new AddressSet(own);
  const answering = new Answering();
  // Who answers is known from the first packet on, where the capture can be read twice.
  if (savefile.size !== undefined) {
    await each(savefile.open(), ({ records }, count) => {
      for (let i = 0; i < count; i++) answering.learn(records.at(i));
      return undefined;
    });
  }
  const reading = savefile.open();
  const simulation = new Simulation({
    ...options,
    oneTimeFiles: options.unused,
    answering,
    isOurs: own.length === 0 ? () => true : (address) => addresses.has(address),
    isClient: (address) => addresses.isClient(address),
    mayDuplicate: reading.mayDuplicate,
  });
  let packets = 0;
  let frames = 0;
  const damage = await each(reading, async ({ records }, count) => {
    for (let i = 0; i < count; i++) {
      const packet = records.at(i);
      if (savefile.size === undefined) answering.learn(packet);
      // Our own address as the source, also where we do not know it.
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

/** Returns what is wrong with it at its end, if anything. */
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
