// Whether daemons hear, by their interfaces' states.

import type { Answer } from "../control/protocol.ts";

export type InterfaceAnswer = Extract<Answer, { type: "interface" }>;

export function isInterface(answer: Answer): answer is InterfaceAnswer {
  return answer.type === "interface";
}

/** Is one of these daemons deaf on an interface, or does it hear on none because it waits for all of them? */
export function doesNotHear(answers: readonly (readonly Answer[])[]): boolean {
  return answers.some((lines) => {
    const states = lines.filter(isInterface).map(({ state }) => state);
    return states.includes("deaf") || (states.length > 0 && !states.includes("hears"));
  });
}
