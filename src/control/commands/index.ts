// The commands of the daemon's socket. Each looks at the daemon's parts as they are at the time of the request.

import type { DaemonView } from "../daemon-view.ts";
import type { Handler, Handlers } from "../handler.ts";
import { clients, resetClient } from "./clients.ts";
import { doors } from "./doors.ts";
import { explain } from "./explain.ts";
import { follow } from "./follow.ts";
import { gate } from "./gate.ts";
import { closeByHand, extendByHand, openByHand } from "./manual.ts";
import { reload } from "./reload.ts";
import { SelfTest } from "./self-test.ts";
import { status } from "./status.ts";
import { watch } from "./watch.ts";

export function handlersFor(view: DaemonView): Handlers {
  const selfTest = new SelfTest(() => {
    const supervisor = view.supervisor();
    supervisor.check();
    return supervisor.report;
  });
  return {
    answered: new Map<string, Handler>([
      ["self-test", () => selfTest.answer()],
      ["status", status(view)],
      ["doors", doors(view)],
      ["open", openByHand(view)],
      ["close", closeByHand(view)],
      ["extend", extendByHand(view)],
      ["reload", reload(view)],
      ["clients", clients(view)],
      ["reset-client", resetClient(view)],
      ["gate", gate(view)],
      ["explain", explain(view.packetLoop.history)],
    ]),
    streamed: new Map([
      ["watch", watch(view.eventLog.watch, view.packetLoop.history)],
      ["follow", follow(view.packetLoop)],
    ]),
  };
}
