// Honest knockers in the middle of a siege, from addresses that the flood does not use.

import { frame } from "../frame.ts";
import type { Wire } from "./wire.ts";

export const PORTS = [7000, 8000, 9000];
/** The door at which they knock. */
export const DOOR = `
[door]
  sequence = ${PORTS}
  seq_timeout = 20
  tcpflags = syn
  command = echo in %IP% >>$KNOCK_LOG
`;

export const knockers = (count: number): string[] => Array.from({ length: count }, (_, i) => `10.9.9.${i + 1}`);

/** The first knocks after `begin` seconds, and the others `each` seconds later. Their knocks are 100 ms apart. */
export function knockAll(wire: Wire, who: readonly string[], begin: number, each: number): Promise<unknown> {
  return wire.send(
    who.flatMap((from, i) =>
      PORTS.map((port, stage) => ({
        at: begin + i * each + stage * 0.1,
        frame: frame({ from, to: wire.server, protocol: "tcp", port, seq: 100 * i + stage }),
      })),
    ),
  );
}

/** The lines of the commands for those that got in, sorted, because commands run in parallel. */
export function cameIn(commands: readonly string[]): string[] {
  return commands.filter((line) => line.startsWith("in ")).sort();
}
