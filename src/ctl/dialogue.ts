// Questions and answers at a terminal.

import { createInterface } from "node:readline/promises";

/** Undefined when there is none: the terminal is at its end, Ctrl-C, or `signal`. `otherwise` is what Enter says. */
export async function ask(question: string, otherwise = "", signal?: AbortSignal): Promise<string | undefined> {
  const lines = createInterface({ input: process.stdin, output: process.stdout });
  try {
    const hint = otherwise === "" ? "" : ` [${otherwise}]`;
    const gone = new Promise<undefined>((resolve) => {
      lines.once("close", () => resolve(undefined));
      lines.once("SIGINT", () => resolve(undefined));
      signal?.addEventListener("abort", () => resolve(undefined), { once: true });
    });
    const answer = await Promise.race([lines.question(`${question}${hint} `), gone]);
    if (answer === undefined) process.stdout.write("\n");
    return answer?.trim() || (answer === undefined ? undefined : otherwise);
  } finally {
    lines.close();
  }
}

export async function agrees(question: string, signal?: AbortSignal): Promise<boolean | undefined> {
  const answer = await ask(`${question} (yes/no)`, "", signal);
  return answer === undefined ? undefined : /^y(es)?$/i.test(answer);
}
