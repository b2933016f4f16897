// Makes a random sequence of ports that nothing else uses. No scan in order walks through it.

import { randomInt } from "node:crypto";
import { readFileSync } from "node:fs";
import type { Knock, Sequence } from "./sequence.ts";
import { weakness } from "./strength.ts";

/** Everyone scans the ports below. */
const [LOWEST, HIGHEST] = [1024, 65535] as const;
/** Even a slow scan in order touches neighbouring ports one after the other. */
const LEAST_DISTANCE = 10;
const LEAST_LEFT = 5000;
const EPHEMERAL = "/proc/sys/net/ipv4/ip_local_port_range";
const LISTENING = "0A";

/** A port is free if it is not ephemeral, has no listener and is no well-known service. */
export type IsFree = (protocol: Knock["protocol"], port: number) => boolean;

/** `mixed`: TCP and UDP, which curl cannot send. `draw` works as randomInt: from the first number to below the second. */
export function randomSequence(length: number, mixed: boolean, isFree: IsFree, draw = randomInt): Sequence {
  for (;;) {
    const sequence: Knock[] = [];
    while (sequence.length < length) {
      const protocol = mixed && draw(0, 2) === 1 ? "udp" : "tcp";
      const port = draw(LOWEST, HIGHEST + 1);
      const isNear = sequence.some((knock) => Math.abs(knock.port - port) < LEAST_DISTANCE);
      if (!isNear && isFree(protocol, port)) sequence.push({ protocol, port });
    }
    const isMixed = new Set(sequence.map(({ protocol }) => protocol)).size > 1;
    if (weakness(sequence) === undefined && isMixed === mixed) return sequence;
  }
}

/** The free ports of this machine now. Scanners try the ports of named services first. */
export function freePorts(range = numbers(EPHEMERAL, [32768, 60999])): IsFree {
  const [first, last] = range as [number, number];
  // On some machines the ephemeral range is nearly all ports; then ignore it.
  const isEphemeral = (port: number) => port >= first && port <= last && first - LOWEST + HIGHEST - last >= LEAST_LEFT;
  const taken = { tcp: servicePorts("tcp"), udp: servicePorts("udp") };
  for (const protocol of ["tcp", "udp"] as const) {
    for (const family of ["", "6"]) {
      for (const port of listening(`/proc/net/${protocol}${family}`, protocol)) taken[protocol].add(port);
    }
  }
  return (protocol, port) => !isEphemeral(port) && !taken[protocol].has(port);
}

/** The listening ports in a table of the kernel. For UDP, every socket counts, whatever its state. */
function listening(file: string, protocol: Knock["protocol"]): number[] {
  return text(file)
    .split("\n")
    .slice(1)
    .map((line) => line.trim().split(/\s+/))
    .filter(([, , , state]) => state !== undefined && (protocol === "udp" || state === LISTENING))
    .map(([, local]) => Number.parseInt(local!.split(":")[1]!, 16));
}

function servicePorts(protocol: string): Set<number> {
  const entries = text("/etc/services").matchAll(/^\S+\s+(\d+)\/(\w+)/gm);
  return new Set([...entries].filter(([, , of]) => of === protocol).map(([, port]) => Number(port)));
}

function numbers(file: string, otherwise: readonly number[]): readonly number[] {
  const found = text(file).match(/\d+/g)?.map(Number);
  return found?.length === otherwise.length ? found : otherwise;
}

/** Empty if the machine has no such file: no IPv6, no list of services. */
function text(file: string): string {
  try {
    return readFileSync(file, "utf8");
  } catch {
    return "";
  }
}
