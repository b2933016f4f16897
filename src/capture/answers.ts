// TCP segments that may be replies to a connection of this host: they go to an ephemeral port, with the flags of a reply.
// They look like an ACK scan, so they count neither as knocks nor as strays.
// A UDP datagram has no flags. There the sockets decide (scan-window.ts): a datagram to a port without a socket is no reply.

import { TCP_FLAG_BITS, type TcpFlags } from "../net/tcp-flags.ts";

const { fin, syn, rst, ack } = TCP_FLAG_BITS;

/** A SYN+ACK, or a segment without SYN that has ACK or RST. A SYN alone opens a connection; with FIN or RST it is forged. */
export function mayBeAnswer(flags: number): boolean {
  if ((flags & (ack | rst)) === 0) return false;
  return (flags & syn) === 0 || (flags & (ack | rst | fin)) === ack;
}

/** The combinations of flags that no reply has, in the form that a filter can check. */
export const NO_ANSWER: readonly TcpFlags[] = [
  { set: 0, clear: ack | rst },
  { set: syn | rst, clear: 0 },
  { set: syn | fin, clear: 0 },
];
