// Finds the daemons of a config by their sockets, and talks to one.

import { existsSync } from "node:fs";
import { connect } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { type Answer, readAnswer } from "../control/protocol.ts";
import { socketsOf } from "../control/socket-path.ts";
import { realPath } from "../platform/real-path.ts";
import { systemErrorText } from "../platform/system-error.ts";
import { isUnderWay, tried } from "../setup/trial.ts";
import { TRIAL_CONFIG } from "../setup/trial-paths.ts";

/** A daemon answers sooner than this. */
const PATIENCE_MS = 15_000;
/** A daemon's answer is shorter than this. */
const MAX_BYTES = 16 << 20;

/** Why a daemon cannot be asked or does not answer and, on the next line, what to do. */
export class ClientError extends Error {}

/** A daemon with too many clients disconnects one, or closes its socket for a moment. */
const [MAX_TRIES, PAUSE_MS] = [40, 50] as const;
/** EAGAIN: the kernel's queue of connections is full. */
const CUT_OFF: ReadonlySet<string | undefined> = new Set(["ECONNRESET", "EPIPE", "ENOENT", "EAGAIN"]);

/** Throws ClientError. `changes`: only root may ask, as it changes something or shows a secret (control/server.ts). */
export function findDaemons(config: string | undefined, changes: boolean): string[] {
  const whose = changes || process.geteuid!() === 0 ? "root's" : "the group's";
  try {
    return socketsOf(config, whose);
  } catch (error) {
    const isThere = (error as NodeJS.ErrnoException).code !== "ENOENT";
    if (isThere) throw new ClientError(refused(systemErrorText(error)));
    throw new ClientError(whose === "root's" ? nobody(config ?? "any config") : refused("there is no group knockd"));
  }
}

/**
 * The config that the daemon reads: while knockctl init tries a new one, that is the trial's copy. Just then somebody asks
 * why a knock did not count. At the trial's end a daemon with the config itself comes first.
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
  /** Called with each answer, undefined for an unreadable line, and with a function that disconnects. */
  readonly onAnswer: (answer: Answer | undefined, end: () => void) => void;
  /** After the first answer there is no time limit. */
  readonly endless?: boolean;
  /** The request changes something: do not repeat it after a disconnection. */
  readonly once?: boolean;
}

/** Resolves when the daemon disconnects after an answer, or has disconnected every time. Rejects with ClientError. */
export async function talk(path: string, options: TalkOptions): Promise<void> {
  for (let tries = 1; tries <= MAX_TRIES; tries++) {
    const { asked, answered } = await talkOnce(path, options);
    if (answered || (options.once && asked)) return;
    await sleep(PAUSE_MS);
  }
}

interface Talked {
  /** `asked`: the daemon may have read the request. `answered`: it has sent something. */
  readonly asked: boolean;
  readonly answered: boolean;
}

function talkOnce(path: string, { request, onAnswer, endless }: TalkOptions): Promise<Talked> {
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
      PATIENCE_MS,
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
      if (!CUT_OFF.has(error.code)) fail(failure(path, error));
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

export function nobody(config: string): string {
  const status = existsSync("/run/systemd/system") ? "systemctl status knockd" : "service knockd status";
  return `no knockd runs with ${config}\nRun "${status}" to see why, or name another config with -c.`;
}

function refused(why: string): string {
  return `you may not ask knockd: ${why}\nRun knockctl as root: sudo knockctl`;
}
