// knockctl doors: the doors, and the clients for whom one is open.

import type { Command } from "@commander-js/extra-typings";
import { asking, type Help } from "../daemon-command.ts";
import { doorTable, secretLines } from "../door-table.ts";
import { ask, tell } from "../request.ts";

const HELP: Help = {
  summary: "List the doors, and for whom they are open",
  about: `
TRIGGER is what opens a door, TIMEOUT the time for its whole sequence. OPEN FOR lists the addresses
that have it open, with the time until it closes. A door without a stop command stays open: knockd
only counts its openings.`,
  examples: ["sudo knockctl doors", "sudo knockctl doors --secrets"],
  statuses: [
    [0, "the list is complete"],
    [1, "refused: only root may see secrets"],
    [2, "wrong command line"],
    [3, "no knockd answers, or you may not ask it"],
  ],
};

export function doors(program: Command): void {
  asking(program, "doors", HELP)
    .option("--secrets", "also show sequences and commands (root only)")
    .action(async ({ config, json, secrets }) => {
      const args = secrets ? { secrets } : {};
      const asked = await ask(config, "doors", args, { changes: secrets ?? false });
      const text = (answers: (typeof asked.answers)[number]) =>
        (doorTable(answers) || "No doors.\n") + secretLines(answers);
      tell(asked, json, () => asked.answers.map(text).join("\n"));
    });
}
