// What to type on another machine to knock, with three common programs.

import type { Sequence } from "../sequences/sequence.ts";
import { plainSequence } from "./door-config.ts";

/** A line for knock, one for nc, and one for curl unless a knock is UDP, which curl cannot send. */
export function clientLines(host: string, sequence: Sequence): string[] {
  const [ports, isTcp] = [
    sequence.map(({ port }) => port).join(" "),
    sequence.every(({ protocol }) => protocol === "tcp"),
  ];
  const url = host.includes(":") ? `[${host}]` : host;
  const nc = sequence.map(({ protocol, port }) =>
    protocol === "udp" ? `echo | nc -u -w 1 ${host} ${port}` : `nc -z -w 1 ${host} ${port}`,
  );
  const lines = [
    `knock -d 200 ${host} ${plainSequence(sequence).replaceAll(",", " ")}`,
    isTcp ? `for port in ${ports}; do nc -z -w 1 ${host} $port; done` : nc.join("; "),
  ];
  if (isTcp) lines.push(`for port in ${ports}; do curl -s --max-time 1 http://${url}:$port; done`);
  return lines;
}
