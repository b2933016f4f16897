// knockctl doors: which doors listen, and for whom one is open.

import type { Command } from "commander";
import type { Answer } from "../../control/protocol.ts";
import { duration } from "../../terminal/format.ts";
import { plural } from "../../terminal/plural.ts";
import { clean, paint } from "../../terminal/style.ts";
import { asking } from "../daemon-command.ts";
import { ask, tell } from "../request.ts";

const HELP = `
Which doors knockd listens for, and each that is open and will be closed again:
for whom, and when it closes. A door without a stop command is not closed by
knockd, and not counted as open.

Exit status:
  0  that is all
  1  you may not see secrets: only root may
  2  the command line is wrong
  3  no knockd answers, or one of several does not, or you may not ask it
`;

export function doors(program: Command): void {
  asking(program, "doors", "which doors listen, and for whom one is open", HELP)
    .option("--secrets", "show also the sequences and commands (root only)")
    .action(async ({ config, json, secrets }: { config: string; json?: true; secrets?: true }) => {
      const args = secrets ? { secrets } : {};
      tell(await ask(config, "doors", args, { changes: secrets ?? false }), json, (answers) =>
        answers
          .flatMap(doorLines)
          .map((line) => `${line}\n`)
          .join(""),
      );
    });
}

/** Of an answer that is about doors. */
export function doorLines(answer: Answer): string[] {
  switch (answer.type) {
    case "door":
      return listening(answer);
    case "open": {
      const when = answer.left === null ? "is being opened or closed" : `closes in ${duration(answer.left)}`;
      return [paint("good", clean(`${answer.door}: open for ${answer.ip}, ${when}`))];
    }
    case "more":
      return [
        answer.of === "door" ? `and ${plural(answer.count, "more door")}` : `and ${answer.count} more that are open`,
      ];
    default:
      return [];
  }
}

function listening(answer: Extract<Answer, { type: "door" }>): string[] {
  const { door, oneTime, seqTimeout, closesAfter, target, secrets } = answer;
  const what = [
    `${oneTime ? "one-time sequences, each" : "a sequence"} within ${duration(seqTimeout)}`,
    ...(target === undefined ? [] : [`to ${target}`]),
    closesAfter === null ? "stays open" : `closes after ${duration(closesAfter)}`,
  ];
  const lines = [`${door}: ${what.join(", ")}`];
  if (secrets !== undefined) {
    const { sequence, tcpFlags, startCommand, startCommand6, stopCommand, stopCommand6 } = secrets;
    lines.push(`  sequence ${sequence}${tcpFlags === "" ? "" : `, flags ${tcpFlags}`}`);
    for (const [name, command] of Object.entries({ startCommand, startCommand6, stopCommand, stopCommand6 })) {
      if (command !== undefined) lines.push(`  ${NAMES[name as keyof typeof NAMES]} ${command}`);
    }
  }
  return lines.map(clean);
}

const NAMES = {
  startCommand: "Start_Command",
  startCommand6: "Start_Command_6",
  stopCommand: "Stop_Command",
  stopCommand6: "Stop_Command_6",
} as const;
