// Asks the daemons of a config and prints their answers.

import { type Answer, type Args, answerLine, requestLine } from "../control/protocol.ts";
import { answersOf, ClientError } from "../control/talk.ts";
import { wrapped } from "../terminal/paragraph.ts";
import { clean } from "../terminal/style.ts";
import { configInUse, findDaemons, noDaemon } from "./client.ts";

export interface Asked {
  /** One list for each daemon that answered. */
  readonly answers: readonly (readonly Answer[])[];
  /** Why the others did not answer, or why there are none: the reason and, on its own line, what to do. */
  readonly troubles: readonly string[];
}

export interface AskOptions {
  /** It changes something or shows a secret: for root only. */
  readonly changes?: boolean;
  /** One daemon's answer is enough. */
  readonly one?: boolean;
  /** Ask all daemons, whatever their config is. */
  readonly all?: boolean;
}

/** Asks all daemons at once, so that one that hangs does not delay the others, unless one answer is enough. */
export async function ask(config: string, command: string, args: Args = {}, options: AskOptions = {}): Promise<Asked> {
  const file = configInUse(config);
  const answers: (readonly Answer[])[] = []; // in the order of the sockets
  const troubles: string[] = [];
  const attempt = async (work: () => Promise<unknown>) => {
    try {
      await work();
    } catch (error) {
      if (!(error instanceof ClientError)) throw error;
      troubles.push(error.message);
    }
  };
  const one = async (path: string, place: number) => {
    const answer = await answersOf(path, requestLine(command, args), options.changes ?? false);
    if (answer[0]?.type === "daemon" && (options.all || answer[0].config === file)) answers[place] = answer;
  };
  await attempt(async () => {
    const paths = findDaemons(options.all ? undefined : file, options.changes ?? false);
    if (!options.one) await Promise.all(paths.map((path, place) => attempt(() => one(path, place))));
    else for (const path of paths) if (answers.length === 0) await attempt(() => one(path, 0));
  });
  if (answers.length === 0 && troubles.length === 0) troubles.push(noDaemon(config));
  return { answers: answers.filter(Boolean), troubles };
}

export const DEFAULT_CONFIG = "/etc/knockd.conf";

/** Exit statuses of knockctl besides 0 (success) and 2 (wrong command line). */
export const STATUS = { no: 1, unanswered: 3 } as const;

/**
 * Prints the answers as JSON or as `words`, and complains about daemons that did not answer or refused. Sets the exit
 * status.
 */
export function tell(asked: Asked, json: boolean | undefined, words: (answers: readonly Answer[]) => string): Answer[] {
  const answers = asked.answers.flat();
  process.stdout.write(json ? answers.map(answerLine).join("") : words(answers));
  for (const trouble of asked.troubles) complain(trouble);
  if (asked.troubles.length > 0) process.exitCode = STATUS.unanswered;
  for (const answer of answers) {
    if (answer.type !== "refused") continue;
    complain(answer.why);
    process.exitCode = STATUS.no;
  }
  return answers;
}

/** Does a daemon of the usual config answer? */
export async function isAnswered(config = DEFAULT_CONFIG): Promise<boolean> {
  return (await ask(config, "doors")).answers.length > 0;
}

export function complain(trouble: string): void {
  process.stderr.write(wrapped(`knockctl: ${trouble.split("\n").map(clean).join("\n")}`));
}
