// Questions and answers at a terminal.

import { createInterface } from "node:readline/promises";

/** Undefined without an answer: end of input, Ctrl-C or `signal`. Enter answers `otherwise`. */
export async function ask(
  question: string,
  otherwise = "",
  signal?: AbortSignal,
  hint = otherwise,
): Promise<string | undefined> {
  const lines = createInterface({ input: process.stdin, output: process.stdout });
  try {
    const gone = new Promise<undefined>((resolve) => {
      lines.once("close", () => resolve(undefined));
      lines.once("SIGINT", () => resolve(undefined));
      signal?.addEventListener("abort", () => resolve(undefined), { once: true });
    });
    const answer = await Promise.race([lines.question(`${question}${hint === "" ? "" : ` [${hint}]`} `), gone]);
    if (answer === undefined) process.stdout.write("\n");
    return answer?.trim() || (answer === undefined ? undefined : otherwise);
  } finally {
    lines.close();
  }
}

/** Enter answers `otherwise`. */
export async function askYesNo(
  question: string,
  otherwise: boolean,
  signal?: AbortSignal,
): Promise<boolean | undefined> {
  for (;;) {
    const answer = await ask(question, otherwise ? "yes" : "no", signal, otherwise ? "Y/n" : "y/N");
    if (answer === undefined) return undefined;
    if (/^y(es)?$/i.test(answer)) return true;
    if (/^no?$/i.test(answer)) return false;
    process.stdout.write("Please answer yes or no.\n");
  }
}
