// What is said at the socket. A client sends one line of JSON, and gets some:
//   {"version":1,"command":"explain","args":{"ip":"192.0.2.1"}}      args may be left out
//   {"version":1,"type":"daemon","pid":123,"knockd":"1.0.0","config":"/etc/knockd.conf"}
//   ... what the command has to say, each with its type ...
//   {"version":1,"type":"end"}
// An answer without the last line is torn; `watch` alone goes on until one of both has enough. What can't be done is a line
// of the type "refused". In place of all there may be one line of the type "error": it could not be asked.

import type { DaemonEvent } from "../events/daemon-event.ts";
import type { InterfaceStatus } from "../events/interface-status.ts";
import type { Explanation } from "../history/explanation.ts";
import type { Verdict } from "../history/verdict.ts";
import { printableJson } from "../terminal/printable.ts";

export const VERSION = 1;
/** In bytes. A door's name is in there at the most. */
export const LONGEST_REQUEST = 4096;

export type Answer =
  | { readonly type: "daemon"; readonly pid: number; readonly knockd: string; readonly config: string }
  | ({ readonly type: "interface" } & InterfaceStatus & Hearing)
  | {
      readonly type: "status";
      readonly since: string;
      /** The words that were given for them. */
      readonly interfaces: string;
      readonly doors: number;
      readonly live: number;
      readonly open: number;
      readonly counts: Readonly<Record<"stages" | "opens" | "timeouts" | "scans" | "commandsFailed", number>>;
    }
  | {
      readonly type: "door";
      readonly door: string;
      readonly oneTime: boolean;
      /** How many knocks its sequence has. */
      readonly knocks: number;
      readonly seqTimeout: number;
      /** Seconds; null: it is not closed again. */
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
  /** By hand; so many seconds are left. */
  | { readonly type: "extended"; readonly door: string; readonly ip: string; readonly left: number }
  /** A warning or an error of late. */
  | { readonly type: "trouble"; readonly time: string; readonly line: string }
  | ({ readonly type: "event"; readonly time: string } & DaemonEvent)
  | VerdictAnswer
  | ExplanationAnswer
  | { readonly type: "refused"; readonly why: string }
  | { readonly type: "end" }
  | { readonly type: "error"; readonly error: string };

/** What became of a packet, or of several that followed each other (history/). */
export interface VerdictAnswer {
  readonly type: "verdict";
  readonly time: string;
  readonly ip: string;
  readonly verdict: Verdict["fate"];
  readonly door?: string;
  readonly stage?: number;
  readonly of?: number;
  readonly times: number;
  readonly text: string;
  /** `7000:tcp`; for root, who asks for secrets. */
  readonly knock?: string;
}

export interface ExplanationAnswer {
  readonly type: "explanation";
  readonly ip: string;
  readonly packets: number;
  readonly outcome: Explanation["outcome"];
  readonly advice: string;
  /** Since a flood has kept something from being written down; left out when none has. */
  readonly secondsSinceFlood?: number;
}

export interface Request {
  readonly command: string;
  readonly args: Args;
}

/** Of an interface that is listened at, for `status`. */
export interface Hearing {
  /** Instructions of the filter that the kernel runs. */
  readonly filter?: number;
  /** Since it was opened: let through by the filter, and lost of these. */
  readonly packets?: { readonly seen: number; readonly dropped: number };
  /** When it was last tried whether it hears. */
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

/** What is asked for; an Error says what is wrong with it. */
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

/** Undefined when it is of another version, or none. */
export function readAnswer(line: string): Answer | undefined {
  try {
    const { version, ...answer } = JSON.parse(line);
    return version === VERSION && typeof answer.type === "string" ? answer : undefined;
  } catch {
    return undefined;
  }
}

export type Args = Readonly<Record<string, unknown>>;
