// One knock: a SYN or a datagram.

import { createSocket } from "node:dgram";
import { connect, isIPv6 } from "node:net";
import type { Knock } from "./arguments.ts";

/** `source`: the local address to bind; undefined: the kernel chooses. Rejects in the system's words. */
export function send({ udp, port }: Knock, host: string, source: string | undefined): Promise<void> {
  return udp ? sendDatagram(host, port, source) : sendSyn(host, port, source);
}

/**
 * One SYN. For an address, Node calls connect(2) in the next tick, before ours, and connect(2) hands the SYN to the
 * network (or to the queue of a neighbour not yet resolved, which outlives the socket). Closing at once, before any
 * answer is looked at, is what keeps the kernel from sending it again.
 */
function sendSyn(host: string, port: number, source: string | undefined): Promise<void> {
  return new Promise((sent, failed) => {
    const socket = connect({ host, port, localAddress: source });
    socket.once("error", failed);
    socket.once("close", () => sent());
    process.nextTick(() => {
      // Destroyed already: connect(2) failed, and 'error' is on its way. A local port: connect(2) was really called.
      if (socket.destroyed || socket.localPort) socket.destroy();
      else socket.destroy(new Error("this Node connects later than knock expects; please report it"));
    });
  });
}

/** One datagram that holds a single zero byte, as 0.8 sends it. */
function sendDatagram(host: string, port: number, source: string | undefined): Promise<void> {
  return new Promise((sent, failed) => {
    const socket = createSocket(isIPv6(host) ? "udp6" : "udp4");
    socket.once("error", failed);
    const transmit = () =>
      socket.send(Buffer.alloc(1), port, host, (error) => {
        // An open socket would keep the process alive.
        socket.close();
        error ? failed(error) : sent();
      });
    if (source === undefined) transmit();
    else socket.bind({ address: source }, transmit);
  });
}
