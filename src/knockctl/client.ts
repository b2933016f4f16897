// Finds the daemons of a config by their sockets, and talks to one of them.

import { existsSync } from "node:fs";
import { connect } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { type Answer, readAnswer } from "../control/protocol.ts";
import { socketsOf } from "../control/socket-path.ts";
import { realPath } from "../platform/real-path.ts";
import { systemErrorText } from "../platform/system-error.ts";
import { isUnderWay, tried } from "../setup/trial.ts";
import { TRIAL_CONFIG } from "../setup/trial-paths.ts";

/** A working daemon answers within this time. */
const TIMEOUT_MS = 15_000;
/** No daemon's answer is longer. */
const MAX_BYTES = 16 << 20;

/** A daemon cannot be asked or does not answer. The message says why and, on the next line, what to do. */
export class ClientError extends Error {}

/** A daemon with too many clients disconnects one of them, or closes its socket briefly. */
const [MAX_TRIES, PAUSE_MS] = [40, 50] as const;
/** EAGAIN: the kernel's queue of new connections is full. */
const DISCONNECTED: ReadonlySet<string | undefined> = new Set(["ECONNRESET", "EPIPE", "ENOENT", "EAGAIN"]);

/**
 * Throws ClientError. `changes`: the request changes something or shows a secret, so only root may ask
 * (control/server.ts).
 */
export function findDaemons(config: string | undefined, changes: boolean): string[] {
  const whose = changes || process.geteuid!() === 0 ? "root's" : "the group's";
  try {
    return socketsOf(config, whose);
  } catch (error) {
    const isThere = (error as NodeJS.ErrnoException).code !== "ENOENT";
    if (isThere) throw new ClientError(refused(systemErrorText(error)));
    throw new ClientError(whose === "root's" ? noDaemon(config ?? "any config") : refused("there is no group knockd"));
  }
}

/**
 * The config that the daemon uses. While knockctl init tries a new config, that is the trial's copy, and users are
 * likely to ask why a knock did not count. At the end of the trial, a daemon that uses the config itself comes first.
 */
export function configInUse(config: string): string {
  const file = realPath(config);
  return isUnderWay() && realPath(tried()?.config ?? "") === file && !mayRunWith(file) ? TRIAL_CONFIG : file;
}

function mayRunWith(config: string): boolean {
  try {
    return socketsOf(config, "root's").length > 0; // only root sees a trial
  } catch {
    return false;
  }
}

export interface TalkOptions {
  readonly request: string;
  /** Called with each answer (undefined: the line was unreadable) and a function that disconnects. */
  readonly onAnswer: (answer: Answer | undefined, end: () => void) => void;
  /** No time limit after the first answer. */
  readonly endless?: boolean;
  /** The request changes something: do not repeat it after a disconnection. */
  readonly once?: boolean;
}

/**
 * Resolves when the daemon has answered and disconnected, or has disconnected at every try. Rejects with ClientError.
 */
export async function talk(path: string, options: TalkOptions): Promise<void> {
  for (let tries = 1; tries <= MAX_TRIES; tries++) {
    const { asked, answered } = await talkOnce(path, options);
    if (answered || (options.once && asked)) return;
    await sleep(PAUSE_MS);
  }
}

interface TalkResult {
  /** `asked`: the daemon may have read the request. `answered`: it has sent something. */
  readonly asked: boolean;
  readonly answered: boolean;
}

function talkOnce(path: string, { request, onAnswer, endless }: TalkOptions): Promise<TalkResult> {
  return new Promise((resolve, reject) => {
    let [bytes, rest, asked] = [0, "", false];
    const socket = connect(path, () => {
      asked = true;
      socket.write(request);
    });
    const fail = (why: string) => {
      socket.destroy();
      reject(new ClientError(why));
    };
    const limit = setTimeout(
      () => fail(`the knockd at ${path} does not answer\nRestart it: sudo systemctl restart knockd`),
      TIMEOUT_MS,
    );
    socket.setEncoding("utf8").on("data", (more: string) => {
      bytes += more.length;
      if (endless) clearTimeout(limit);
      else if (bytes > MAX_BYTES) fail(`the answer of the knockd at ${path} is too long`);
      const lines = (rest + more).split("\n");
      rest = lines.pop()!;
      for (const line of lines) onAnswer(readAnswer(line), () => socket.destroy());
    });
    socket.once("error", (error: NodeJS.ErrnoException) => {
      if (!DISCONNECTED.has(error.code)) fail(failure(path, error));
    });
    socket.once("close", () => {
      clearTimeout(limit);
      resolve({ asked, answered: bytes > 0 });
    });
  });
}

function failure(path: string, error: NodeJS.ErrnoException): string {
  switch (error.code) {
    case "ECONNREFUSED":
      return `the knockd at ${path} has died\nStart it again. If it is not meant to run any more, remove that file.`;
    case "EACCES":
    case "EPERM":
      return refused(systemErrorText(error));
    default:
      return `the knockd at ${path} does not answer: ${systemErrorText(error)}`;
  }
}

export function noDaemon(config: string): string {
  const status = existsSync("/run/systemd/system") ? "systemctl status knockd" : "service knockd status";
  return `no knockd runs with ${config}\nRun "${status}" to see why, or name another config with -c.`;
}

function refused(why: string): string {
  return `you may not ask knockd: ${why}\nRun knockctl as root: sudo knockctl`;
}
