// The words of knock's command line: ports, delays and counts.

import { Complaint } from "./complaint.ts";

export interface Knock {
  readonly udp: boolean;
  readonly port: number;
}

/** setTimeout() takes any longer one for 1 ms. */
const MAX_DELAY_MS = 2 ** 31 - 1;
const MAX_RETRIES = 100;

/** `port[:proto]`, where an empty protocol is tcp. */
export function parseKnock(text: string): Knock {
  const [, digits = "", protocol = ""] = /^([^:]*):?(.*)$/s.exec(text.toLowerCase()) ?? [];
  const port = parsePort(digits);
  if (port === undefined) throw new Complaint(`error: bad port in '${text}': wanted a number from 1 to 65535`);
  if (!["", "tcp", "udp"].includes(protocol)) {
    throw new Complaint(`error: bad protocol in '${text}': wanted tcp or udp`);
  }
  return { udp: protocol === "udp", port };
}

export function parseDelay(text: string): number {
  if (/^\d+$/.test(text) && Number(text) <= MAX_DELAY_MS) return Number(text);
  throw new Complaint(`error: bad delay '${text}': wanted milliseconds, from 0 to ${MAX_DELAY_MS}`);
}

export function parseVerify(text: string): number {
  const port = parsePort(text);
  if (port === undefined) throw new Complaint(`error: bad --verify '${text}': wanted a TCP port from 1 to 65535`);
  return port;
}

export function parseRetry(text: string): number {
  if (/^\d+$/.test(text) && Number(text) <= MAX_RETRIES) return Number(text);
  throw new Complaint(`error: bad --retry '${text}': wanted a number from 0 to ${MAX_RETRIES}`);
}

function parsePort(digits: string): number | undefined {
  const port = Number(digits);
  return /^\d+$/.test(digits) && port >= 1 && port <= 65535 ? port : undefined;
}
