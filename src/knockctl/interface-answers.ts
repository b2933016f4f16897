// The answers about interfaces, and whether they mean that a daemon receives no packets.

import type { Answer } from "../control/protocol.ts";

export type InterfaceAnswer = Extract<Answer, { type: "interface" }>;

export function isInterface(answer: Answer): answer is InterfaceAnswer {
  return answer.type === "interface";
}

/** Is one of these daemons deaf on an interface, or waiting for all of its interfaces? */
export function isDeaf(answers: readonly (readonly Answer[])[]): boolean {
  return answers.some((lines) => {
    const states = lines.filter(isInterface).map(({ state }) => state);
    return states.includes("deaf") || (states.length > 0 && !states.includes("hears"));
  });
}
