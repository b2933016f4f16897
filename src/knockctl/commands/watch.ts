// knockctl watch: knocks as they happen.

import type { Command } from "commander";
import type { Answer } from "../../control/protocol.ts";
import type { DaemonEvent } from "../../events/daemon-event.ts";
import { plural } from "../../terminal/plural.ts";
import { clean, clock, paint } from "../../terminal/style.ts";
import { asking } from "../daemon-command.ts";
import { listen } from "../subscribe.ts";

const HELP = `
Says what happens at the doors, as it happens, until Ctrl-C: each knock that made
a stage, each door that opens and closes, attempts that come too late, scans, and
why any other packet did not count. Of a siege, not all. No port is shown.

Exit status:
  0  it was ended with Ctrl-C
  1  it may not be watched: eight do already
  2  the command line is wrong
  3  no knockd answers, or it has ended, or you may not ask it
`;

export function watch(program: Command): void {
  asking(program, "watch", "what happens at the doors, as it happens", HELP).action(
    async ({ config, json }: { config: string; json?: true }) => {
      process.once("SIGINT", () => process.exit());
      process.stdout.once("error", () => process.exit()); // who reads has gone
      const words = (answer: Answer) => (answer.type === "event" ? `${eventLine(answer)}\n` : undefined);
      await listen(config, "watch", { json, words });
    },
  );
}

/** `14:05:09.123 192.0.2.1: openSSH: Stage 1`, the words as in the log. */
export function eventLine({ time, ...daemonEvent }: DaemonEvent & { readonly time: string }): string {
  return `${paint("soft", clock(new Date(time)))} ${words(daemonEvent)}`;
}

function words(daemonEvent: DaemonEvent): string {
  switch (daemonEvent.event) {
    case "verdict":
      return clean(`${daemonEvent.ip}: ${daemonEvent.text}`);
    case "held back":
      return clean(`${daemonEvent.count} more (${daemonEvent.kind})`);
    case "scan":
      return paint(
        "bad",
        clean(
          `${daemonEvent.ip}: scan: ${plural(daemonEvent.ports, "other port")} touched, ignored for ${plural(daemonEvent.seconds, "second")}`,
        ),
      );
    case "stage":
      return clean(`${daemonEvent.ip}: ${daemonEvent.door}: Stage ${daemonEvent.stage}`);
    case "timeout":
      return paint(
        "bad",
        clean(`${daemonEvent.ip}: ${daemonEvent.door}: sequence timeout (stage ${daemonEvent.stage})`),
      );
    case "opened":
    case "closed": {
      const { ip, door, event, status } = daemonEvent;
      if (status === 0) return paint("soft", clean(`${ip}: ${door}: ${event}`));
      const how = status === null ? "could not be run" : `returned ${status}`;
      return paint("bad", clean(`${ip}: ${door}: ${event === "opened" ? "start" : "stop"} command ${how}`));
    }
    case "open":
      return paint("good", clean(`${daemonEvent.ip}: ${daemonEvent.door}: OPEN SESAME`));
  }
}
