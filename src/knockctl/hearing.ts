// Whether daemons hear, by what they answer of their interfaces.

import type { Answer } from "../control/protocol.ts";

export type InterfaceAnswer = Extract<Answer, { type: "interface" }>;

export function isInterface(answer: Answer): answer is InterfaceAnswer {
  return answer.type === "interface";
}

/** Is one of these daemons deaf somewhere, or does it hear nowhere at all, because it waits for all it is to listen at? */
export function doesNotHear(answers: readonly (readonly Answer[])[]): boolean {
  return answers.some((lines) => {
    const states = lines.filter(isInterface).map(({ state }) => state);
    return states.includes("deaf") || (states.length > 0 && !states.includes("hears"));
  });
}
