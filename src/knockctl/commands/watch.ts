// knockctl watch: knocks as they happen.

import type { Command } from "@commander-js/extra-typings";
import type { Answer } from "../../control/protocol.ts";
import type { DaemonEvent } from "../../events/daemon-event.ts";
import { duration, plural } from "../../terminal/format.ts";
import { clean, clock, paint } from "../../terminal/style.ts";
import { TableStream } from "../../terminal/table.ts";
import { asking, type Help } from "../daemon-command.ts";
import { listen } from "../subscribe.ts";

const HELP: Help = {
  summary: "Show knocks as they happen, until Ctrl-C",
  about: `
Each knock that reached a stage, each door that opens or closes, timeouts, scans, and the reason why
any other packet did not count. In a flood knockd shows only a part. No port is shown.`,
  examples: ["sudo knockctl watch"],
  statuses: [
    [0, "ended with Ctrl-C"],
    [1, "refused: eight clients are already watching"],
    [2, "wrong command line"],
    [3, "no knockd answers, it has ended, or you may not ask it"],
  ],
};

export function watch(program: Command): void {
  asking(program, "watch", HELP).action(async ({ config, json }) => {
    process.once("SIGINT", () => process.exit());
    process.stdout.once("error", () => process.exit()); // the reader has closed the pipe
    const stream = eventTable();
    const words = (answer: Answer) => (answer.type === "event" ? stream.row(eventRow(answer)) : undefined);
    await listen(config, "watch", { json, words });
  });
}

export function eventTable(): TableStream {
  return new TableStream([
    { head: "TIME" },
    { head: "SOURCE", least: "192.168.100.200".length },
    { head: "DOOR", least: "openSSH".length, most: 16, narrow: "cut" },
    { head: "EVENT", least: 15, narrow: "wrap" },
  ]);
}

/** Uses the wording of the log. */
export function eventRow({ time, ...event }: DaemonEvent & { readonly time: string }): string[] {
  const ip = event.event === "held back" ? "" : clean(event.ip);
  const door = "door" in event ? (event.door ?? "") : "";
  return [paint("soft", clock(new Date(time))), ip, clean(door) || "-", words(event, door)];
}

function words(event: DaemonEvent, door: string): string {
  switch (event.event) {
    case "verdict":
      return clean(door !== "" && event.text.startsWith(`${door}: `) ? event.text.slice(door.length + 2) : event.text);
    case "held back":
      return clean(`${event.count} more (${event.kind})`);
    case "scan":
      return paint(
        "bad",
        `scan: ${plural(event.ports, "other port")} touched, ignored for ${plural(event.seconds, "second")}`,
      );
    case "stage":
      return `Stage ${event.stage}`;
    case "timeout":
      return paint("bad", `sequence timeout (stage ${event.stage})`);
    case "opened":
    case "closed": {
      if (event.status === 0) return event.event;
      const how = event.status === null ? "could not be run" : `returned ${event.status}`;
      return paint("bad", `${event.event === "opened" ? "start" : "stop"} command ${how}`);
    }
    case "open":
      return paint("good", "OPEN SESAME");
    case "code": {
      const isGood = event.result === "accepted" || event.result === "first";
      return paint(isGood ? "good" : "bad", clean(codeWords(event)));
    }
  }
}

/** Uses the wording of the log. A later daemon may send other results. */
function codeWords({ client, result, other, seconds = 0, count }: Extract<DaemonEvent, { event: "code" }>): string {
  const code = `code of ${client}`;
  switch (result) {
    case "accepted":
      return `${code} accepted`;
    case "first":
      return `${code} is right, and the next one is needed too`;
    case "contested":
      return `${code} is also claimed by ${other}: refused`;
    case "replay":
      return `${code} was already used${other === undefined ? "" : ` by ${other}`}: replay`;
    case "clock":
      return `${code} is ${duration(Math.abs(seconds))} ${seconds > 0 ? "old" : "ahead"}: check the clocks`;
    case "busy":
      return `code for ${client} not checked: too many codes at once`;
    case "wrong":
      return `wrong code for ${client} (${count} today)`;
    default:
      return `${code} ${result}`;
  }
}
