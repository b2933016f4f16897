// Prints the events of daemons until either side ends the connection.

import { type Answer, type Args, answerLine, requestLine } from "../control/protocol.ts";
import { ClientError, talk } from "../control/talk.ts";
import { configInUse, findDaemons, noDaemon } from "./client.ts";
import { complain, STATUS } from "./request.ts";

export interface ListenOptions {
  readonly args?: Args;
  /** Only root may ask. */
  readonly changes?: boolean;
  readonly json: boolean | undefined;
  /** Returns the text to print. Undefined: print nothing. */
  readonly words: (answer: Answer) => string | undefined;
}

/**
 * Prints what each daemon of this config answers to the command. Sets the exit status when a daemon does not answer or has
 * ended. `onBegin` gets, for each daemon, a function that ends the connection.
 */
export async function listen(
  config: string,
  command: string,
  { args = {}, changes = false, json, words }: ListenOptions,
  onBegin: (end: () => void) => void = () => {},
): Promise<void> {
  const file = configInUse(config);
  let daemons = 0;
  let isEnded = false;
  const one = async (path: string) => {
    let mine = true;
    const onAnswer = (answer: Answer | undefined, end: () => void) => {
      if (answer?.type === "daemon") {
        mine = answer.config === file;
        if (mine) daemons++;
        if (!mine) end();
        else
          onBegin(() => {
            isEnded = true;
            end();
          });
      }
      if (!mine || answer === undefined) return;
      const text = json ? answerLine(answer) : words(answer);
      if (text !== undefined) process.stdout.write(text);
      if (answer.type === "error" || answer.type === "refused") refused(answer);
    };
    await talk(path, { request: requestLine(command, args), onAnswer, endless: true });
    if (mine && !isEnded && process.exitCode === undefined) throw new ClientError(`the knockd at ${path} has ended`);
  };
  const refused = (answer: Extract<Answer, { type: "error" | "refused" }>) => {
    complain(answer.type === "error" ? answer.error : answer.why);
    process.exitCode = answer.type === "error" ? STATUS.unanswered : STATUS.no;
  };
  const failed = (error: unknown) => {
    if (!(error instanceof ClientError)) throw error;
    complain(error.message);
    process.exitCode ??= STATUS.unanswered;
  };
  try {
    await Promise.all(findDaemons(file, changes).map((path) => one(path).catch(failed)));
    if (daemons === 0 && process.exitCode === undefined) throw new ClientError(noDaemon(config));
  } catch (error) {
    failed(error);
  }
}
