// The commands that the daemon knows, and what they look at: its parts, as they are when somebody asks.

import type { Lookout } from "../capture/lookout.ts";
import type { Watch } from "../log/watch.ts";
import type { Commands } from "./command.ts";
import { SelfTest } from "./self-test.ts";
import { watch } from "./watch.ts";

/** The daemon, as far as it may be asked about. */
export interface Subject {
  readonly lookout: () => Lookout;
  readonly watch: Watch;
}

export function commandsFor(subject: Subject): Commands {
  const selfTest = new SelfTest(() => {
    const lookout = subject.lookout();
    lookout.check();
    return lookout.report;
  });
  return {
    answered: new Map([["self-test", () => selfTest.answer()]]),
    streamed: new Map([["watch", watch(subject.watch)]]),
  };
}
