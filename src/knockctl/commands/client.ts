// knockctl client: the clients whose codes open doors.

import type { Command } from "@commander-js/extra-typings";
import { type GroupHelp, withGroupHelp } from "../help.ts";
import { add } from "./client-add.ts";
import { clientList } from "./client-list.ts";
import { reset, revoke } from "./client-revoke.ts";
import { page, paperCommand, show } from "./client-show.ts";
import { tryCode } from "./client-try.ts";

const CLIENT: GroupHelp = {
  summary: "Give people and devices codes that open a door",
  about: `
A code changes every 30 seconds, counts once, and belongs to one client. An authenticator app, knock,
a web page or a sheet of paper shows it. A recorded knock opens nothing.`,
  examples: ["sudo knockctl client add phone --door openSSH --host home.example"],
};

export function client(program: Command): void {
  const group = withGroupHelp(program.command("client"), CLIENT);
  for (const command of [add, clientList, show, paperCommand, page, tryCode, revoke, reset]) command(group as Command);
}
