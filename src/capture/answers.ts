// TCP segments that may answer a connection which this host has opened: they go to one of its ephemeral ports, with flags
// that such answers have. Nobody can tell them from an ACK scan, so they are neither knocks nor strays.
// A UDP datagram has no flags. There only a socket tells (scan-window.ts): a datagram to a port without one is no answer.

import { TCP_FLAG_BITS, type TcpFlags } from "../net/tcp-flags.ts";

const { fin, syn, rst, ack } = TCP_FLAG_BITS;

/** A SYN+ACK, or a segment without SYN that has ACK or RST. A SYN alone opens a connection; with FIN or RST it is forged. */
export function mayBeAnswer(flags: number): boolean {
  if ((flags & (ack | rst)) === 0) return false;
  return (flags & syn) === 0 || (flags & (ack | rst | fin)) === ack;
}

/** All flags that no answer has, as a filter can look for them. */
export const NO_ANSWER: readonly TcpFlags[] = [
  { set: 0, clear: ack | rst },
  { set: syn | rst, clear: 0 },
  { set: syn | fin, clear: 0 },
];
