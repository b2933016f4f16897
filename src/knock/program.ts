// The client: knock HOST PORT[:PROTO] ..., one packet to each port, in order.
//
// Half a knock opens nothing, so everything is checked before the first packet, and a packet this machine would not
// send ends it. What comes back is nobody's business here: a closed port answers, a firewall does not, both are fine.

import { createSocket } from "node:dgram";
import { lookup } from "node:dns/promises";
import { connect, isIP, isIPv6, SocketAddress } from "node:net";
import { networkInterfaces } from "node:os";
import { setTimeout as sleep } from "node:timers/promises";
import { getSystemErrorMap } from "node:util";
import { program } from "commander";
import { version } from "../platform/version.ts";
import { plural } from "../terminal/plural.ts";

/** Something the user should read: one line on standard error, exit status 1. */
class Complaint extends Error {}

// To the letter what knock 0.8 prints.
const USAGE = `usage: knock [options] <host> <port[:proto]> [port[:proto]] ...
options:
  -u, --udp            make all ports hits use UDP (default is TCP)
  -d, --delay <t>      wait <t> milliseconds between port hits
  -4, --ipv4           Force usage of IPv4
  -6, --ipv6           Force usage of IPv6
  -v, --verbose        be verbose
  -V, --version        display version
  -h, --help           this help

example:  knock myserver.example.com 123:tcp 456:udp 789:tcp

`;

/** `port[:proto]`, where an empty protocol is tcp. */
function parseKnock(text: string): { udp: boolean; port: number } {
  const [, digits = "", protocol = ""] = /^([^:]*):?(.*)$/s.exec(text.toLowerCase()) ?? [];
  const port = Number(digits);
  if (!/^\d+$/.test(digits) || port < 1 || port > 65535) {
    throw new Complaint(`error: bad port in '${text}': wanted a number from 1 to 65535`);
  }
  if (!["", "tcp", "udp"].includes(protocol)) {
    throw new Complaint(`error: bad protocol in '${text}': wanted tcp or udp`);
  }
  return { udp: protocol === "udp", port };
}

function parseDelay(text: string): number {
  const longest = 2 ** 31 - 1; // setTimeout() takes any longer one for 1 ms
  if (/^\d+$/.test(text) && Number(text) <= longest) return Number(text);
  throw new Complaint(`error: bad delay '${text}': wanted milliseconds, from 0 to ${longest}`);
}

/** The first address getaddrinfo() gives, of that family if one is asked for (0: any). */
async function resolve(host: string, family: number): Promise<string> {
  const unresolved = (why: string) => new Complaint(`Failed to resolve hostname '${host}': ${why}`);
  if (host === "") throw unresolved("it is empty");
  const { address } = await lookup(host, { family }).catch((error) => {
    throw unresolved(reason(error));
  });
  // An address is not looked up, so its family was not looked at either.
  if (family !== 0 && isIP(address) !== family) throw unresolved(`it is not an IPv${family} address`);

  // Written as 0.8 writes it: 0:0::1 is ::1.
  const [, zone] = host.split("%");
  const plain = isIPv6(address) ? new SocketAddress({ address, family: "ipv6" }).address : address;
  if (zone === undefined) return plain;
  // Behind the % Node knows names, but no numbers and no underscore, and an unknown name is no scope at all to it.
  const link = Object.entries(networkInterfaces()).find(
    ([name, own]) => name === zone || own?.some((a) => a.family === "IPv6" && a.scopeid === Number(zone)),
  );
  const scoped = `${plain}%${link?.[0]}`;
  if (!link || !isIPv6(scoped)) throw unresolved(`no usable interface '${zone}'`);
  return scoped;
}

/**
 * One SYN. For an address, Node calls connect(2) in the next tick, before ours, and connect(2) hands the SYN to the
 * network (or to the queue of a neighbour not yet resolved, which outlives the socket). Closing at once, before any
 * answer is looked at, is what keeps the kernel from sending it again.
 */
function sendSyn(host: string, port: number): Promise<void> {
  return new Promise((sent, failed) => {
    const socket = connect({ host, port });
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
function sendDatagram(host: string, port: number): Promise<void> {
  return new Promise((sent, failed) => {
    const socket = createSocket(isIPv6(host) ? "udp6" : "udp4");
    socket.once("error", failed);
    socket.send(Buffer.alloc(1), port, host, (error) => {
      // An open socket would keep the process alive.
      socket.close();
      error ? failed(error) : sent();
    });
  });
}

/** The kernel's or the resolver's words for an error, where it has any. */
function reason(error: NodeJS.ErrnoException): string {
  const known = error.errno === undefined ? undefined : getSystemErrorMap().get(error.errno);
  return known ? `${known[1]} (${error.code})` : error.message;
}

async function main(): Promise<void> {
  let family = 0;
  program
    .option("-u, --udp")
    .option("-d, --delay <t>", "", "0")
    .option("-4, --ipv4")
    .option("-6, --ipv6")
    .option("-v, --verbose")
    .version(`knock ${version} (knockd-ng)`)
    // Of both, the last one wins.
    .on("option:ipv4", () => (family = 4))
    .on("option:ipv6", () => (family = 6))
    .argument("<host>")
    .argument("<port[:proto]...>")
    .configureHelp({ formatHelp: () => USAGE })
    .showHelpAfterError()
    .parse();

  const [host = "", ...ports] = program.args;
  const options = program.opts<{ udp?: true; delay: string; verbose?: true }>();
  const delay = parseDelay(options.delay);
  const knocks = ports.map(parseKnock);
  const address = await resolve(host, family);

  // The packets matter more than a reader of -v who has gone away.
  process.stdout.on("error", () => {});
  for (const [done, { udp, port }] of knocks.entries()) {
    const send = options.udp || udp ? sendDatagram : sendSyn;
    const hit = `${send === sendSyn ? "tcp" : "udp"} ${address}:${port}`;
    if (options.verbose) process.stdout.write(`hitting ${hit}\n`);
    await send(address, port).catch((error) => {
      throw new Complaint(
        `error: could not send ${hit}: ${reason(error)}; ${done} of ${plural(knocks.length, "knock")} sent`,
      );
    });
    // After the last one too, as 0.8: `knock -d 500 … && ssh …` counts on it.
    if (delay > 0) await sleep(delay);
  }
}

main().catch((error) => {
  if (!(error instanceof Complaint)) throw error;
  process.stderr.write(`${error.message}\n`);
  process.exitCode = 1;
});
