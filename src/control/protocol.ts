// The protocol of the control socket. A client sends one line of JSON and receives several:
//   {"version":1,"command":"explain","args":{"ip":"192.0.2.1"}}      args may be left out
//   {"version":1,"type":"daemon","pid":123,"knockd":"1.0.0","config":"/etc/knockd.conf"}
//   ... the command's answers, each with its type ...
//   {"version":1,"type":"end"}
// Without the last line, an answer is incomplete. Only `watch` and `follow` go on until either side disconnects. The
// type "refused" means that a request cannot be carried out. The type "error", which replaces all lines, means that it
// is invalid.

import type { DaemonEvent } from "../events/daemon-event.ts";
import type { InterfaceStatus, UncoveredAddresses } from "../events/interface-status.ts";
import type { Explanation } from "../history/explanation.ts";
import type { Verdict } from "../history/verdict.ts";
import { printableJson } from "../terminal/printable.ts";

export const VERSION = 1;
/** In bytes. The longest part is a door's name. */
export const LONGEST_REQUEST = 4096;

/** Why a daemon does not open or close a gate. */
export const NO_GATE = "no door of this knockd has a gate";

export type Answer =
  | { readonly type: "daemon"; readonly pid: number; readonly knockd: string; readonly config: string }
  | ({ readonly type: "interface" } & InterfaceStatus & CaptureDetails)
  | ({ readonly type: "unheard" } & UncoveredAddresses)
  | {
      readonly type: "status";
      readonly since: string;
      /** As the user wrote them. */
      readonly interfaces: string;
      readonly doors: number;
      readonly live: number;
      readonly open: number;
      readonly counts: Readonly<Record<"stages" | "opens" | "timeouts" | "scans" | "commandsFailed", number>>;
      /** Is the clock synchronised? Absent if no code needs it. */
      readonly clockSet?: boolean;
    }
  | {
      readonly type: "door";
      readonly door: string;
      readonly oneTime: boolean;
      /** The number of knocks in its sequence. */
      readonly knocks: number;
      /** The clients whose codes open it. */
      readonly clients?: readonly string[];
      /** The number of clients that `clients` leaves out. */
      readonly moreClients?: number;
      readonly seqTimeout: number;
      /** Seconds. null: the door stays open. */
      readonly closesAfter: number | null;
      /** The kernel opens it. There is no command. */
      readonly builtIn?: true;
      /** The number of openings since the start. */
      readonly openings: number;
      readonly target?: string;
      readonly secrets?: Secrets;
    }
  /**
   * A client for whom a door is open. `left` in seconds; null: the door is being opened or closed, or it `staysOpen`.
   */
  | {
      readonly type: "open";
      readonly door: string;
      readonly ip: string;
      readonly left: number | null;
      /** It is only closed by hand. */
      readonly staysOpen?: boolean;
      /**
       * Only for a door that the kernel opens: packets that came in through it. For a TCP port, connection attempts.
       */
      readonly uses?: number;
    }
  | { readonly type: "more"; readonly of: "door" | "open"; readonly count: number }
  /** The answer to `open` and `close`. */
  | {
      readonly type: "opened" | "closed";
      readonly door: string;
      readonly ip: string;
      readonly command: "ended" | "runs" | "could not be run";
      /** The exit status of the command. */
      readonly status?: number;
    }
  /** The answer to `extend`. `left` in seconds. */
  | { readonly type: "extended"; readonly door: string; readonly ip: string; readonly left: number }
  /** A client whose codes open a door. */
  | {
      readonly type: "client";
      readonly client: string;
      readonly door: string;
      readonly kind: "code" | "key" | "list";
      readonly openings: number;
      /** When its last code was used, and from which address. */
      readonly used?: string;
      readonly from?: string;
    }
  | { readonly type: "reset"; readonly client: string }
  /** The answer to `reload`: the daemon has adopted its config. */
  | { readonly type: "reloaded" }
  /** The answer to `reload`: it is still reading, for instance because the resolver is slow. */
  | { readonly type: "reloading" }
  /** The results for a client's codes, counted since the start. */
  | {
      readonly type: "codes";
      readonly door: string;
      readonly client: string;
      readonly result: string;
      readonly count: number;
    }
  /** The answer to `gate`. Closed: clients need a knock. */
  | { readonly type: "gate"; readonly closed: boolean }
  /** A recent warning or error. */
  | { readonly type: "trouble"; readonly time: string; readonly line: string }
  | ({ readonly type: "event"; readonly time: string } & DaemonEvent)
  | VerdictAnswer
  | ExplanationAnswer
  | { readonly type: "refused"; readonly why: string }
  | { readonly type: "end" }
  | { readonly type: "error"; readonly error: string };

/** The verdict on a packet, or on several packets in a row with the same verdict (history/). */
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
  /** Such as `7000:tcp`. Only for root with --secrets. */
  readonly knock?: string;
}

export interface ExplanationAnswer {
  readonly type: "explanation";
  readonly ip: string;
  readonly packets: number;
  readonly outcome: Explanation["outcome"];
  readonly advice: string;
  /** Seconds since a flood kept packets from being recorded. Absent if none did. */
  readonly secondsSinceFlood?: number;
}

export interface Request {
  readonly command: string;
  readonly args: Args;
}

/** For `status`: the capture of an interface. */
export interface CaptureDetails {
  /** The number of instructions of the filter in the kernel. */
  readonly filter?: number;
  /** Since the capture was opened: packets that the filter passed, and how many of them were lost. */
  readonly packets?: { readonly seen: number; readonly dropped: number };
  /** The time of the last self-test. */
  readonly tested?: string;
}

/** What opens a door, as written in the config. */
export interface Secrets {
  readonly sequence: string;
  readonly tcpFlags: string;
  /** Such as `tcp/22`. For a door that the kernel opens. */
  readonly open?: string;
  readonly startCommand?: string;
  readonly stopCommand?: string;
  readonly startCommand6?: string;
  readonly stopCommand6?: string;
}

/** The request, or an Error that says why it is invalid. */
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

/** Undefined if the line is unreadable or has another version. */
export function readAnswer(line: string): Answer | undefined {
  try {
    const { version, ...answer } = JSON.parse(line);
    return version === VERSION && typeof answer.type === "string" ? answer : undefined;
  } catch {
    return undefined;
  }
}

export type Args = Readonly<Record<string, unknown>>;
