// The self-test: builds a frame for every knock of every door at every address, and runs it through the filter and the
// decoder. Nothing goes onto the wire, because that would reveal the ports.

import { knockPorts } from "../config/code-doors.ts";
import type { Door } from "../config/door.ts";
import type { ResolvedDoor } from "../config/resolved-door.ts";
import { type Address, isIpv4 } from "../net/address.ts";
import { UDP } from "../net/packet.ts";
import type { TcpFlags } from "../net/tcp-flags.ts";
import { native } from "../platform/native.ts";
import type { Knock } from "../sequences/sequence.ts";
import { Records } from "./records.ts";

const [ETHER_IPV4, ETHER_IPV6] = [0x0800, 0x86dd] as const;
const SOURCE_PORT = 40_000;
/** The maximum of frames. They take about 50 ms. With more doors and addresses, only the first are tested. */
const MAX_FRAMES = 20_000;

/** Contains no ports: they are secret. */
export interface SelfTestResult {
  /** The number of knocks that were tried, counting each address. */
  readonly tried: number;
  /** Which of them would be missed; undefined when all would. */
  readonly deafTo: string | undefined;
}

/** Would the filter and decode let every knock through? */
export function tryKnocks(
  filter: Uint8Array,
  linkType: number,
  own: readonly Address[],
  resolvedDoors: readonly ResolvedDoor[],
): SelfTestResult {
  const records = new Records(1);
  const tried = new Set<string>();
  for (const { door, targets } of resolvedDoors) {
    for (const to of targets ?? own) {
      for (const { stage, knock, flags } of samples(door)) {
        const { protocol, port } = knock;
        const key = `${protocol}${port}/${flags.set}/${JSON.stringify(to)}`;
        if (tried.has(key)) continue;
        if (tried.size === MAX_FRAMES) return { tried: tried.size, deafTo: undefined };
        tried.add(key);
        const frame = knockFrame(linkType, to, knock, flags);
        const isReceived = native.Capture.matches(filter, frame) && native.decode(frame, linkType, records.buffer);
        if (!isReceived || records.at(0).port !== knock.port) {
          return { tried: tried.size, deafTo: `knock ${stage + 1} of ${door.name} would be missed` };
        }
      }
    }
  }
  return { tried: tried.size, deafTo: undefined };
}

/** Each knock of the sequence, and the first and the last port of each block. */
function samples(door: Door): { readonly stage: number; readonly knock: Knock; readonly flags: TcpFlags }[] {
  return knockPorts(door).flatMap(({ protocol, low, high, flags }, stage) =>
    [...new Set([low, high])].map((port) => ({ stage, knock: { protocol, port }, flags })),
  );
}

/** The smallest frame of libpcap's link type that holds the knock. */
export function knockFrame(linkType: number, to: Address, knock: Knock, flags: TcpFlags): Uint8Array {
  const v4 = isIpv4(to);
  return Buffer.concat([
    linkHeader(linkType, v4),
    v4 ? ipv4Header(to, knock.protocol) : ipv6Header(to, knock.protocol),
    transportHeader(knock, flags),
  ]);
}

function linkHeader(linkType: number, v4: boolean): Buffer {
  const type = v4 ? ETHER_IPV4 : ETHER_IPV6;
  switch (linkType) {
    case 1: // Ethernet
      return withType(14, 12, type);
    case 113: // cooked v1
      return withType(16, 14, type);
    case 276: // cooked v2
      return withType(20, 0, type);
    case 0: // null and loop: an address family, which is not evaluated
    case 108:
      return Buffer.alloc(4);
    default: // raw IP
      return Buffer.alloc(0);
  }
}

function withType(length: number, at: number, type: number): Buffer {
  const header = Buffer.alloc(length);
  header.writeUInt16BE(type, at);
  return header;
}

function ipv4Header(to: Address, protocol: Knock["protocol"]): Buffer {
  const header = Buffer.alloc(20);
  header[0] = 0x45;
  header.writeUInt16BE(40, 2);
  header[8] = 64;
  header[9] = protocol === "tcp" ? 6 : UDP;
  header.writeInt32BE(to.w3, 16);
  return header;
}

function ipv6Header(to: Address, protocol: Knock["protocol"]): Buffer {
  const header = Buffer.alloc(40);
  header[0] = 0x60;
  header.writeUInt16BE(20, 4);
  header[6] = protocol === "tcp" ? 6 : UDP;
  header[7] = 64;
  [to.w0, to.w1, to.w2, to.w3].forEach((word, i) => void header.writeInt32BE(word, 24 + 4 * i));
  return header;
}

function transportHeader({ protocol, port }: Knock, flags: TcpFlags): Buffer {
  const header = Buffer.alloc(20);
  header.writeUInt16BE(SOURCE_PORT, 0);
  header.writeUInt16BE(port, 2);
  if (protocol === "udp") header.writeUInt16BE(8, 4);
  else {
    header[12] = 0x50;
    header[13] = flags.set;
  }
  return header;
}
