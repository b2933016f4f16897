// The commands that the daemon knows, and what they look at: its parts, as they are when somebody asks.

import type { DaemonView } from "../daemon-view.ts";
import type { Command, Commands } from "../handler.ts";
import { doors } from "./doors.ts";
import { explain } from "./explain.ts";
import { follow } from "./follow.ts";
import { closeByHand, extendByHand, openByHand } from "./manual.ts";
import { SelfTest } from "./self-test.ts";
import { status } from "./status.ts";
import { watch } from "./watch.ts";

export function commandsFor(subject: DaemonView): Commands {
  const selfTest = new SelfTest(() => {
    const lookout = subject.lookout();
    lookout.check();
    return lookout.report;
  });
  return {
    answered: new Map<string, Command>([
      ["self-test", () => selfTest.answer()],
      ["status", status(subject)],
      ["doors", doors(subject)],
      ["open", openByHand(subject)],
      ["close", closeByHand(subject)],
      ["extend", extendByHand(subject)],
      ["explain", explain(subject.guard.notebook)],
    ]),
    streamed: new Map([
      ["watch", watch(subject.teller.watch, subject.guard.notebook)],
      ["follow", follow(subject.guard)],
    ]),
  };
}
