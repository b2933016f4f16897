// The protocol of the control socket. A client sends one line of JSON and gets several:
//   {"version":1,"command":"explain","args":{"ip":"192.0.2.1"}}      args may be left out
//   {"version":1,"type":"daemon","pid":123,"knockd":"1.0.0","config":"/etc/knockd.conf"}
//   ... the command's answers, each with its type ...
//   {"version":1,"type":"end"}
// An answer without the last line is incomplete. Only `watch` and `follow` go on until either side disconnects. The type
// "refused" is a request that cannot be done. The type "error", instead of all other lines, is a request that cannot be read.

import type { DaemonEvent } from "../events/daemon-event.ts";
import type { InterfaceStatus, UnheardAddresses } from "../events/interface-status.ts";
import type { Explanation } from "../history/explanation.ts";
import type { Verdict } from "../history/verdict.ts";
import { printableJson } from "../terminal/printable.ts";

export const VERSION = 1;
/** In bytes. The longest part is a door's name. */
export const LONGEST_REQUEST = 4096;

/** What a daemon refuses to close or open. */
export const NO_GATE = "no door of this knockd has a gate";

export type Answer =
  | { readonly type: "daemon"; readonly pid: number; readonly knockd: string; readonly config: string }
  | ({ readonly type: "interface" } & InterfaceStatus & Hearing)
  | ({ readonly type: "unheard" } & UnheardAddresses)
  | {
      readonly type: "status";
      readonly since: string;
      /** As the user wrote them. */
      readonly interfaces: string;
      readonly doors: number;
      readonly live: number;
      readonly open: number;
      readonly counts: Readonly<Record<"stages" | "opens" | "timeouts" | "scans" | "commandsFailed", number>>;
      /** Is the clock synchronised? Absent when no code needs it. */
      readonly clockSet?: boolean;
    }
  | {
      readonly type: "door";
      readonly door: string;
      readonly oneTime: boolean;
      /** How many knocks its sequence has. */
      readonly knocks: number;
      /** Whose codes open it. */
      readonly clients?: readonly string[];
      /** How many `clients` leaves out. */
      readonly moreClients?: number;
      readonly seqTimeout: number;
      /** Seconds; null: the door stays open. */
      readonly closesAfter: number | null;
      /** The kernel opens it, without a command. */
      readonly builtIn?: true;
      /** Openings since knockd was started. */
      readonly openings: number;
      readonly target?: string;
      readonly secrets?: Secrets;
    }
  /** For whom a door is open, and for how many seconds; null: it is being opened or closed, or it `staysOpen`. */
  | {
      readonly type: "open";
      readonly door: string;
      readonly ip: string;
      readonly left: number | null;
      /** It is closed only by hand. */
      readonly staysOpen?: boolean;
      /** Of a door that the kernel opens: how many packets came in by it. Of a TCP port, attempts to connect. */
      readonly uses?: number;
    }
  | { readonly type: "more"; readonly of: "door" | "open"; readonly count: number }
  /** By hand. */
  | {
      readonly type: "opened" | "closed";
      readonly door: string;
      readonly ip: string;
      readonly command: "ended" | "runs" | "could not be run";
      /** Of the command that has ended. */
      readonly status?: number;
    }
  /** By hand. `left`: seconds. */
  | { readonly type: "extended"; readonly door: string; readonly ip: string; readonly left: number }
  /** Whose codes open a door. */
  | {
      readonly type: "client";
      readonly client: string;
      readonly door: string;
      readonly kind: "code" | "key" | "list";
      readonly openings: number;
      /** When a code of it was last used, and from where. */
      readonly used?: string;
      readonly from?: string;
    }
  | { readonly type: "reset"; readonly client: string }
  /** How often a client's codes were found to be that, since the start. */
  | {
      readonly type: "codes";
      readonly door: string;
      readonly client: string;
      readonly result: string;
      readonly count: number;
    }
  /** By hand: the gate lets nobody in without a knock, or everyone. */
  | { readonly type: "gate"; readonly closed: boolean }
  /** A recent warning or error. */
  | { readonly type: "trouble"; readonly time: string; readonly line: string }
  | ({ readonly type: "event"; readonly time: string } & DaemonEvent)
  | VerdictAnswer
  | ExplanationAnswer
  | { readonly type: "refused"; readonly why: string }
  | { readonly type: "end" }
  | { readonly type: "error"; readonly error: string };

/** The verdict on a packet, or on several equal ones in a row (history/). */
export interface VerdictAnswer {
  readonly type: "verdict";
  readonly time: string;
  readonly ip: string;
  readonly verdict: Verdict["kind"];
  readonly door?: string;
  readonly stage?: number;
  readonly of?: number;
  readonly times: number;
  readonly text: string;
  /** `7000:tcp`; only for root with --secrets. */
  readonly knock?: string;
}

export interface ExplanationAnswer {
  readonly type: "explanation";
  readonly ip: string;
  readonly packets: number;
  readonly outcome: Explanation["outcome"];
  readonly advice: string;
  /** Seconds since a flood kept packets from being recorded. Left out if none did. */
  readonly secondsSinceFlood?: number;
}

export interface Request {
  readonly command: string;
  readonly args: Args;
}

/** An interface with an open capture, for `status`. */
export interface Hearing {
  /** Instructions of the filter that the kernel runs. */
  readonly filter?: number;
  /** Since the capture was opened: passed by the filter, and lost of these. */
  readonly packets?: { readonly seen: number; readonly dropped: number };
  /** The time of the last self-test. */
  readonly tested?: string;
}

/** What opens a door, as the config has it. */
export interface Secrets {
  readonly sequence: string;
  readonly tcpFlags: string;
  /** `tcp/22`; of a door that the kernel opens. */
  readonly open?: string;
  readonly startCommand?: string;
  readonly stopCommand?: string;
  readonly startCommand6?: string;
  readonly stopCommand6?: string;
}

/** The request, or an Error with what is wrong with it. */
export function readRequest(line: string): Request | Error {
  let request: unknown;
  try {
    request = JSON.parse(line);
  } catch {
    return new Error("the request is not JSON");
  }
  if (typeof request !== "object" || request === null) return new Error("the request is not an object");
  const { version, command, args = {} } = request as Record<string, unknown>;
  if (version !== VERSION) return new Error(`this knockd speaks version ${VERSION}`);
  if (typeof command !== "string") return new Error("the request has no command");
  if (typeof args !== "object" || args === null || Array.isArray(args)) return new Error("the args are not an object");
  return { command, args: args as Args };
}

export function requestLine(command: string, args: Args = {}): string {
  return `${JSON.stringify({ version: VERSION, command, args })}\n`;
}

export function answerLine(answer: Answer): string {
  return `${printableJson(JSON.stringify({ version: VERSION, ...answer }))}\n`;
}

/** Undefined for an answer of another version or an unreadable line. */
export function readAnswer(line: string): Answer | undefined {
  try {
    const { version, ...answer } = JSON.parse(line);
    return version === VERSION && typeof answer.type === "string" ? answer : undefined;
  } catch {
    return undefined;
  }
}

export type Args = Readonly<Record<string, unknown>>;
