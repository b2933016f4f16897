// The request `reload`: reads the config again, and answers whether knockd has adopted it. For root only.

import type { DaemonView } from "../daemon-view.ts";
import { type Handler, onlyForRoot, Refusal } from "../handler.ts";
import { inTime } from "./in-time.ts";

const STILL_READING =
  "knockd is still reading its config, for instance because the resolver is slow: its log will say whether it adopts it";

/** With `pid`, only the daemon with this process ID reloads. Another one answers nothing. */
export function reload(view: Pick<DaemonView, "reload">, ownPid = process.pid): Handler {
  return async (request) => {
    onlyForRoot(request);
    const { pid } = request.args;
    if (pid !== undefined && pid !== ownPid) return [];
    const outcome = await inTime(view.reload());
    const why = outcome === undefined ? STILL_READING : outcome.refused;
    if (why !== undefined) throw new Refusal(why);
    return [{ type: "reloaded" }];
  };
}
