// Clients with codes on a wire: their file, the ports of their codes, and frames that knock there.
import { setTimeout as sleep } from "node:timers/promises";
import { type Client, knocksOf } from "../../src/codes/client.ts";
import { parseClients } from "../../src/codes/clients-file.ts";
import { type ClientKind, portsOf, windowAt } from "../../src/codes/derive.ts";
import { placesOf } from "../../src/codes/valid-codes.ts";
import { frame } from "../frame.ts";
import type { Wire } from "./wire.ts";

export const SECRET = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP";
/** A door whose commands write `CLIENT ADDRESS`. */
export const CONFIG = `
[options]
  ClientsState = @dir@/clients.json
[codes]
  Clients     = @dir@/clients
  Seq_Timeout = 20
  command     = echo %CLIENT% %IP% >>$KNOCK_LOG
`;
/** A state without used codes. Without any state, the codes of the first minute would not count. */
export const UNUSED = `{"version":1,"clients":{},"wrong":{}}`;
/** A code is sent only if this many milliseconds are left of its window. */
const MARGIN = 9000;

/** The text of a client. Each number has its own blocks, so that no two clients share any. */
export function client(number: number, more = ""): string {
  const kind = (/kind\s*=\s*(\w+)/.exec(more)?.[1] ?? "code") as ClientKind;
  const digits = kind === "list" ? 8 : Number(/digits\s*=\s*(\d)/.exec(more)?.[1] ?? 6);
  const first = 11 + 4 * number;
  const hundreds = Array.from({ length: knocksOf({ kind, digits }) }, (_, i) => first + i).join(",");
  return `[c${number}]\ndoor = codes\nsecret = ${SECRET}\nports = ${hundreds}\n${more}\n`;
}

export const clientsOf = (text: string): Client[] => parseClients(text, "clients");

/** The ports of a code. `later`: windows after now, or a list's counter. */
export function ports(text: string, name: string, later = 0): number[] {
  const one = clientsOf(text).find((each) => each.name === name)!;
  const counter = one.kind === "list" ? later : windowAt(Date.now()) + later;
  return portsOf(one.blocks, placesOf(one, counter));
}

/** Waits for a window that does not end while a test sends its code. */
export async function quietWindow(margin = MARGIN): Promise<void> {
  const left = 30_000 - (Date.now() % 30_000);
  if (left < margin) await sleep(left + 10);
}

let sequence = 1;

/** SYNs, `gap` seconds apart, the first one `at` seconds from now. */
export const knocks = (wire: Wire, from: string, to: readonly number[], gap = 0.05, at = 0) =>
  to.map((port, i) => ({ at: at + gap * i, frame: syn(wire, from, port) }));

export const syn = (wire: Wire, from: string, port: number, protocol: "tcp" | "udp" = "tcp"): Buffer =>
  frame({ from, to: wire.server, protocol, port, seq: 7919 * ++sequence });
