// Asks the daemons of a config, each at its socket.

import { connect } from "node:net";
import { type Answer, readAnswer, requestLine } from "../control/protocol.ts";
import { socketsOf } from "../control/socket-path.ts";
import { realPath } from "../real-path.ts";
import { systemWords } from "../system-words.ts";
import { Complaint, UNREACHED } from "./complaint.ts";

/** Longer than a daemon takes for an answer. */
const PATIENCE_MS = 15_000;
/** A daemon that has too many clients cuts one off. */
const MOST_TRIES = 10;
/** Of an answer. A daemon says less. */
const MOST_BYTES = 16 << 20;

/** What each of them says, at least one does: the lines of its answer. Throws a Complaint. */
export async function ask(config: string, command: string): Promise<(readonly Answer[])[]> {
  const file = realPath(config);
  const answers: (readonly Answer[])[] = [];
  for (const path of sockets(config)) {
    let text: string | undefined = "";
    for (let tries = 0; text === "" && tries < MOST_TRIES; tries++) text = await talk(path, requestLine(command));
    if (text === undefined) continue; // a daemon that lives no more
    const answer = read(text, path);
    const [first] = answer;
    if (first?.type === "daemon" && first.config === file) answers.push(answer);
  }
  if (answers.length === 0) throw nobody(config);
  return answers;
}

function sockets(config: string): string[] {
  try {
    return socketsOf(config);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") throw nobody(config);
    throw refused(error);
  }
}

/** All that it says; undefined when nobody listens there. */
function talk(path: string, request: string): Promise<string | undefined> {
  return new Promise((resolve, reject) => {
    let text = "";
    const socket = connect(path, () => socket.write(request));
    const fail = (why: string) => {
      socket.destroy();
      reject(new Complaint(UNREACHED, `the knockd at ${path} ${why}`));
    };
    const limit = setTimeout(() => fail("does not answer: restart it"), PATIENCE_MS);
    socket.setEncoding("utf8").on("data", (more) => {
      text += more;
      if (text.length > MOST_BYTES) fail("says too much");
    });
    socket.once("error", (error: NodeJS.ErrnoException) => {
      if (error.code === "ECONNREFUSED" || error.code === "ENOENT") resolve(undefined);
      else if (error.code === "EACCES" || error.code === "EPERM") reject(refused(error));
      else if (error.code === "ECONNRESET" || error.code === "EPIPE") resolve("");
      else fail(`does not answer: ${systemWords(error)}`);
    });
    socket.once("close", () => {
      clearTimeout(limit);
      resolve(text);
    });
  });
}

function read(text: string, path: string): Answer[] {
  const lines = text.split("\n").slice(0, -1).map(readAnswer);
  const last = lines.at(-1);
  if (last?.type === "error") throw new Complaint(UNREACHED, `the knockd at ${path} says: ${last.error}`);
  if (last?.type === "end" && lines.every((line) => line !== undefined)) return lines as Answer[];
  throw new Complaint(UNREACHED, `the answer of the knockd at ${path} is torn: is it of another version?`);
}

function nobody(config: string): Complaint {
  return new Complaint(
    UNREACHED,
    `no knockd answers that runs with ${config}: is it running (systemctl status knockd), with that config (-c)?`,
  );
}

function refused(error: unknown): Complaint {
  return new Complaint(UNREACHED, `knockd can't be asked: ${systemWords(error)}: run knockctl as root (sudo knockctl)`);
}
