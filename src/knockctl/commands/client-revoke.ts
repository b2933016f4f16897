// knockctl client revoke and reset: remove a client, or make its used codes count again.

import type { Command } from "@commander-js/extra-typings";
import { withoutSection } from "../../credentials/client-section.ts";
import { clean } from "../../terminal/style.ts";
import { attempt, clientCommand, reload, STATUSES } from "../client-command.ts";
import { clientOf, clientsText, doorWithClients, readClientConfig, writeClients } from "../client-config.ts";
import { usesOf } from "../client-uses.ts";
import type { Help } from "../help.ts";
import { ask, STATUS, tell } from "../request.ts";

const REVOKE: Help = {
  summary: "Remove a client: its codes open nothing from now on",
  about: `
Removes the client's section from the clients file, and knockd reads its config again. With --close,
it also closes the door for the address from which the client last knocked.`,
  examples: ["sudo knockctl client revoke phone --close"],
  statuses: STATUSES,
};

const RESET: Help = {
  summary: "Forget which codes of a client were used",
  about: `
For a client whose codes do not count because a clock was ahead, and for paper codes when knockd has lost
its record of used ones. Then every line of the paper counts again, even a used one. It is safer to revoke
that client and add it again. knockd must be running.`,
  examples: ["sudo knockctl client reset phone"],
  statuses: [...STATUSES, [3, "no knockd answers, or you may not ask it"]],
};

export function revoke(group: Command): void {
  clientCommand(group, "revoke", REVOKE)
    .argument("<name>", "the client")
    .option("--close", "also close the door for its last address")
    .action((name, { config, close }) =>
      attempt(async () => {
        const found = readClientConfig(config);
        const client = clientOf(found, name);
        const { clientsFile } = doorWithClients(found, client.door);
        const from = (await usesOf(found)).get(name)?.from;
        writeClients(clientsFile, withoutSection(clientsText(clientsFile), name)!);
        const state = await reload(config, `knockd still accepts the codes of ${name}`);
        process.stdout.write(`Client ${name} is removed from ${clientsFile}. ${state}\n`);
        if (!close || from === undefined) return;
        const asked = await ask(config, "close", { door: client.door, ip: from }, { changes: true });
        const isClosed = asked.answers.flat().some(({ type }) => type === "closed");
        const what = isClosed ? "is closed" : "was not open";
        process.stdout.write(clean(`Door ${client.door} ${what} for ${from}.`));
        process.stdout.write("\n");
      }),
    );
}

export function reset(group: Command): void {
  clientCommand(group, "reset", RESET)
    .argument("<name>", "the client")
    .action((name, { config }) =>
      attempt(async () => {
        const asked = await ask(config, "reset-client", { client: name }, { changes: true });
        const done = asked.answers.filter((answers) => !answers.some(({ type }) => type === "refused"));
        const relevant = done.length > 0 ? done : asked.answers.slice(0, 1);
        tell({ ...asked, answers: relevant }, undefined, (answers) =>
          answers.some(({ type }) => type === ("reset" as string))
            ? `Client ${clean(name)}: used codes are forgotten.\n`
            : "",
        );
        if (relevant.length === 0) process.exitCode = STATUS.unanswered;
      }),
    );
}
