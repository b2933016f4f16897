// The request `reload`: reads the config again, and answers whether knockd has adopted it. For root only.

import type { DaemonView } from "../daemon-view.ts";
import { type Handler, onlyForRoot, Refusal } from "../handler.ts";
import { inTime } from "./in-time.ts";

/** With `pid`, only the daemon with this process ID reloads. Another one answers nothing. */
export function reload(view: Pick<DaemonView, "reload">, ownPid = process.pid): Handler {
  return async (request) => {
    onlyForRoot(request);
    const { pid } = request.args;
    if (pid !== undefined && pid !== ownPid) return [];
    const outcome = await inTime(view.reload());
    if (outcome === undefined) return [{ type: "reloading" }];
    if (outcome.refused !== undefined) throw new Refusal(outcome.refused);
    return [{ type: "reloaded" }];
  };
}
