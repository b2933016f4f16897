// The command `gate`: opens the gate to everyone, or closes it again. Only the daemon may change a table that it owns.
// Root only.

import { ConfigError } from "../../config/door.ts";
import type { DaemonView } from "../daemon-view.ts";
import { type Handler, onlyForRoot, Refusal } from "../handler.ts";
import { NO_GATE } from "../protocol.ts";

export function gate({ doorService }: DaemonView): Handler {
  return (request) => {
    onlyForRoot(request);
    const { closed } = request.args;
    if (typeof closed !== "boolean") throw new Refusal("the request does not say whether the gate is to be closed");
    try {
      if (!doorService.guard(closed)) throw new Refusal(NO_GATE);
    } catch (error) {
      if (!(error instanceof ConfigError)) throw error;
      throw new Refusal(error.message);
    }
    return [{ type: "gate", closed }];
  };
}
