// knockctl client: the clients whose codes open doors.

import type { Command } from "@commander-js/extra-typings";
import { paragraph } from "../../terminal/paragraph.ts";
import { list } from "../help.ts";
import { add } from "./client-add.ts";
import { clientList } from "./client-list.ts";
import { reset, revoke } from "./client-revoke.ts";
import { page, paperCommand, show } from "./client-show.ts";
import { tryCode } from "./client-try.ts";

export function client(program: Command): void {
  const group = program.command("client").summary("Give people and devices codes that open a door").helpCommand(false);
  for (const command of [add, clientList, show, paperCommand, page, tryCode, revoke, reset]) command(group as Command);
  group.configureHelp({
    formatHelp: () =>
      [
        "Usage: knockctl client COMMAND [options]\n",
        paragraph("Give people and devices codes that open a door"),
        paragraph(
          "A code changes every 30 seconds, counts once, and belongs to one client. An authenticator app, knock, a web page or paper shows it. A recorded knock opens nothing.",
        ),
        list(
          "Commands",
          group.commands.map((one) => [one.name(), one.summary()]),
        ),
        list("Options", [["-h, --help", "print this help"]]),
        "Example:\n  sudo knockctl client add phone --door openSSH --host home.example\n",
        paragraph("knockctl client COMMAND --help describes one command."),
      ].join("\n"),
  });
}
