// The client's side of a control socket: asks one daemon and reads its answers.

import { connect } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { systemErrorText } from "../platform/system-error.ts";
import { type Answer, readAnswer } from "./protocol.ts";

/** A working daemon answers within this time. */
const TIMEOUT_MS = 15_000;
/** No daemon's answer is longer. */
const MAX_BYTES = 16 << 20;

/** A daemon cannot be asked or does not answer. The message says why and, on the next line, what to do. */
export class ClientError extends Error {}

/** The socket is what a dead daemon has left. */
export class DeadDaemon extends ClientError {}

/** A daemon with too many clients disconnects one of them, or closes its socket briefly. */
const [MAX_TRIES, PAUSE_MS] = [40, 50] as const;
/** EAGAIN: the kernel's queue of new connections is full. */
const DISCONNECTED: ReadonlySet<string | undefined> = new Set(["ECONNRESET", "EPIPE", "ENOENT", "EAGAIN"]);

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

/** All answers to a request, ending with `end`. `once`: as for `talk`. Rejects with ClientError. */
export async function answersOf(path: string, request: string, once: boolean): Promise<Answer[]> {
  const answers: (Answer | undefined)[] = [];
  await talk(path, { request, onAnswer: (answer) => void answers.push(answer), once });
  const last = answers.at(-1);
  if (last?.type === "error") throw new ClientError(`the knockd at ${path} refuses: ${last.error}`);
  if (last?.type === "end" && answers.every((answer) => answer !== undefined)) return answers as Answer[];
  throw new ClientError(
    `the answer of the knockd at ${path} is incomplete\nIt has just ended, or it is another version. Try again.`,
  );
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
    const fail = (error: ClientError) => {
      socket.destroy();
      reject(error);
    };
    const limit = setTimeout(
      () => fail(new ClientError(`the knockd at ${path} does not answer\nRestart it: sudo systemctl restart knockd`)),
      TIMEOUT_MS,
    );
    socket.setEncoding("utf8").on("data", (more: string) => {
      bytes += more.length;
      if (endless) clearTimeout(limit);
      else if (bytes > MAX_BYTES) fail(new ClientError(`the answer of the knockd at ${path} is too long`));
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

function failure(path: string, error: NodeJS.ErrnoException): ClientError {
  switch (error.code) {
    case "ECONNREFUSED":
      return new DeadDaemon(
        `the knockd at ${path} has died\nStart it again. If it is not meant to run any more, remove that file.`,
      );
    case "EACCES":
    case "EPERM":
      return new ClientError(notAllowed(systemErrorText(error)));
    default:
      return new ClientError(`the knockd at ${path} does not answer: ${systemErrorText(error)}`);
  }
}

export function notAllowed(why: string): string {
  return `you may not ask knockd: ${why}\nRun knockctl as root: sudo knockctl`;
}
