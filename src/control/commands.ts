// The commands that the daemon knows, and what they look at: its parts, as they are when somebody asks.

import type { CaptureSupervisor } from "../capture/supervisor.ts";
import type { ResolvedDoor } from "../config/resolved-door.ts";
import type { PacketLoop } from "../daemon/packet-loop.ts";
import type { DoorService } from "../doors/door-service.ts";
import type { EventLog } from "../log/event-log.ts";
import type { RecentWarnings } from "../log/recent-warnings.ts";
import { closeByHand, extendByHand, openByHand } from "./by-hand.ts";
import type { Command, Commands } from "./command.ts";
import { doors } from "./doors.ts";
import { explain } from "./explain.ts";
import { follow } from "./follow.ts";
import { SelfTest } from "./self-test.ts";
import { status } from "./status.ts";
import { watch } from "./watch.ts";

/** The daemon, as far as it may be asked about. */
export interface Subject {
  readonly lookout: () => CaptureSupervisor;
  /** The doors that are listened for. */
  readonly listeners: () => readonly ResolvedDoor[];
  readonly guard: Pick<PacketLoop, "live" | "notebook" | "follow">;
  readonly house: Pick<DoorService, "doorkeeper">;
  readonly teller: Pick<EventLog, "watch" | "counts">;
  /** The last warnings and errors. */
  readonly recent: RecentWarnings;
}

export function commandsFor(subject: Subject): Commands {
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
