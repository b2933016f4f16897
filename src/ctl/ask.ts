// Asks the daemons of a config, each at its socket.

import { connect } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import type { Args } from "../control/command.ts";
import { type Answer, readAnswer, requestLine } from "../control/protocol.ts";
import { socketsOf } from "../control/socket-path.ts";
import { realPath } from "../real-path.ts";
import { systemWords } from "../system-words.ts";

/** Longer than a daemon takes for an answer. */
const PATIENCE_MS = 15_000;
/** A daemon that has too many clients cuts one off, or rests a while. */
const [MOST_TRIES, PAUSE_MS] = [10, 50] as const;
/** Of an answer. A daemon says less. */
const MOST_BYTES = 16 << 20;

export interface Asked {
  /** Of each daemon that has answered, the lines. */
  readonly answers: readonly (readonly Answer[])[];
  /** Why others have not, or none has: a line for each, with what to do. */
  readonly troubles: readonly string[];
}

class Trouble extends Error {}

const CUT_OFF: ReadonlySet<string | undefined> = new Set(["ECONNRESET", "EPIPE", "ENOENT"]);

/**
 * All at once: one that hangs does not hold up the others. What `changes` something, or tells a secret, only root may ask;
 * the rest the group too (control.ts).
 */
export async function ask(config: string, command: string, args: Args = {}, changes = false): Promise<Asked> {
  const file = realPath(config);
  let paths: readonly string[];
  try {
    paths = socketsOf(config, changes || process.geteuid!() === 0 ? "root's" : "readers'");
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    return { answers: [], troubles: [code === "ENOENT" ? nobody(config) : refused(error)] };
  }
  const troubles: string[] = [];
  const one = async (path: string): Promise<readonly (readonly Answer[])[]> => {
    try {
      let text = "";
      for (let tries = 0; text === "" && tries < MOST_TRIES; tries++) {
        if (tries > 0) await sleep(PAUSE_MS);
        text = await talk(path, requestLine(command, args));
      }
      const answer = read(text, path);
      const [first] = answer;
      return first?.type === "daemon" && first.config === file ? [answer] : [];
    } catch (error) {
      if (!(error instanceof Trouble)) throw error;
      troubles.push(error.message);
      return [];
    }
  };
  const answers = (await Promise.all(paths.map(one))).flat();
  if (answers.length === 0 && troubles.length === 0) troubles.push(nobody(config));
  return { answers, troubles };
}

/** All that it says; nothing when it has cut us off. Throws a Trouble. */
function talk(path: string, request: string): Promise<string> {
  return new Promise((resolve, reject) => {
    let text = "";
    const socket = connect(path, () => socket.write(request));
    const fail = (why: string) => {
      socket.destroy();
      reject(new Trouble(why));
    };
    const limit = setTimeout(() => fail(`the knockd at ${path} does not answer: restart it`), PATIENCE_MS);
    socket.setEncoding("utf8").on("data", (more) => {
      text += more;
      if (text.length > MOST_BYTES) fail(`the knockd at ${path} says too much`);
    });
    socket.once("error", (error: NodeJS.ErrnoException) => {
      if (CUT_OFF.has(error.code)) resolve("");
      else fail(failure(path, error));
    });
    socket.once("close", () => {
      clearTimeout(limit);
      resolve(text);
    });
  });
}

function failure(path: string, error: NodeJS.ErrnoException): string {
  switch (error.code) {
    case "ECONNREFUSED":
      return `the knockd at ${path} has died: start it again, or remove that file if it is not to run any more`;
    case "EACCES":
    case "EPERM":
      return refused(error);
    default:
      return `the knockd at ${path} does not answer: ${systemWords(error)}`;
  }
}

/** Throws a Trouble. */
function read(text: string, path: string): Answer[] {
  const lines = text.split("\n").slice(0, -1).map(readAnswer);
  const last = lines.at(-1);
  if (last?.type === "error") throw new Trouble(`the knockd at ${path} says: ${last.error}`);
  if (last?.type === "end" && lines.every((line) => line !== undefined)) return lines as Answer[];
  throw new Trouble(`the answer of the knockd at ${path} is torn: has it ended, or is it of another version?`);
}

function nobody(config: string): string {
  return `no knockd runs with ${config}: see systemctl status knockd, or name its config with -c`;
}

function refused(error: unknown): string {
  return `knockd can't be asked: ${systemWords(error)}: run knockctl as root (sudo knockctl)`;
}
