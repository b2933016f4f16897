// Honest knockers in the middle of a siege, from addresses that no flood comes from.

import { frame } from "../frame.ts";
import type { Wire } from "./wire.ts";

export const PORTS = [7000, 8000, 9000];
/** Their door. */
export const DOOR = `
[door]
  sequence = ${PORTS}
  seq_timeout = 20
  tcpflags = syn
  command = echo in %IP% >>$KNOCK_LOG
`;

export const knockers = (count: number): string[] => Array.from({ length: count }, (_, i) => `10.9.9.${i + 1}`);

/** Each knocks, the first after `begin` seconds, the others `each` seconds later, 100 ms from knock to knock. */
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

/** The lines of the commands of those who came in, in order of the text: commands run side by side. */
export function cameIn(commands: readonly string[]): string[] {
  return commands.filter((line) => line.startsWith("in ")).sort();
}
