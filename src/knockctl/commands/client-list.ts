// knockctl client list: the clients that may knock with a code, and when each last did.

import type { Command } from "@commander-js/extra-typings";
import type { Client } from "../../codes/client.ts";
import { formatNetwork } from "../../net/network.ts";
import { localTime } from "../../terminal/format.ts";
import { printableJson } from "../../terminal/printable.ts";
import { clean } from "../../terminal/style.ts";
import { table } from "../../terminal/table.ts";
import { attempt, clientCommand, STATUSES } from "../client-command.ts";
import { readClientConfig } from "../client-config.ts";
import { type ClientUse, usesOf } from "../client-uses.ts";
import type { Help } from "../help.ts";

const LIST: Help = {
  summary: "List the clients, and when each was last used",
  about: "Secrets and ports are not shown. Root only.",
  examples: ["sudo knockctl client list", "sudo knockctl client list --json"],
  statuses: STATUSES,
};

export function clientList(group: Command): void {
  clientCommand(group, "list", LIST)
    .option("--json", "print one JSON object per client and line")
    .action(({ config: path, json }) =>
      attempt(async () => {
        const found = readClientConfig(path);
        const uses = await usesOf(found);
        const lines = found.clients.map((client) => ({ client, use: uses.get(client.name) }));
        process.stdout.write(json ? lines.map(jsonLine).join("") : text(lines));
      }),
    );
}

interface Line {
  readonly client: Client;
  readonly use: ClientUse | undefined;
}

function text(lines: readonly Line[]): string {
  if (lines.length === 0) return "There are no clients. Add one: sudo knockctl client add NAME --door DOOR\n";
  return table(
    [
      { head: "CLIENT" },
      { head: "DOOR", narrow: "wrap" },
      { head: "KIND" },
      { head: "LAST USED" },
      { head: "FROM" },
      { head: "OPENINGS" },
      { head: "ONLY", narrow: "wrap" },
    ],
    lines.map(({ client, use }) => [
      client.name,
      clean(client.door),
      client.kind,
      use?.at === undefined ? "never" : localTime(use.at),
      clean(use?.from ?? "-"),
      use?.openings ?? 0,
      limits(client),
    ]),
  );
}

function limits({ from, hours, expires, bind }: Client): string {
  const all = [
    ...from.map(formatNetwork),
    ...(hours === undefined ? [] : [hours.text]),
    ...(expires === undefined ? [] : [`until ${expires}`]),
    ...(bind ? ["bound to its address"] : []),
  ];
  return all.length === 0 ? "-" : all.join(", ");
}

function jsonLine({ client, use }: Line): string {
  const { name, door, kind, protocol, digits, from, hours, expires, bind } = client;
  const object = {
    version: 1,
    client: name,
    door,
    kind,
    protocol,
    ...(kind === "key" ? { bind } : { digits }),
    networks: from.map(formatNetwork),
    hours: hours?.text ?? null,
    expires: expires ?? null,
    used: use?.at ?? null,
    from: use?.from ?? null,
    openings: use?.openings ?? 0,
  };
  return `${printableJson(JSON.stringify(object))}\n`;
}
