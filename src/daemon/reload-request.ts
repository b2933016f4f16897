// knockd --reload: makes the running knockd read its config again, and waits for its answer, because SIGHUP cannot report
// whether the daemon adopts the config.

import { requestLine } from "../control/protocol.ts";
import { socketsOf } from "../control/socket-path.ts";
import { answersOf, ClientError, DeadDaemon } from "../control/talk.ts";
import { realPath } from "../platform/real-path.ts";

const STILL_READING =
  "knockd is still reading its config, for instance because the resolver is slow: its log will say whether it adopts it";

/**
 * Resolves when every running daemon with this config, or the one with this process ID, has adopted it. Rejects with
 * ClientError, with the daemon's reason. A daemon that has no socket gets SIGHUP, if `pid` names it.
 */
export async function requestReload(config: string, pid: number | undefined): Promise<void> {
  const request = requestLine("reload", pid === undefined ? {} : { pid });
  let adopted = 0;
  for (const path of sockets(config)) {
    const answers = await answersOf(path, request, false).catch((error) => {
      if (error instanceof DeadDaemon) return [];
      throw error;
    });
    const [daemon] = answers;
    for (const answer of answers) {
      if (answer.type === "refused") throw new ClientError(`${answer.why}\nThe old configuration stays in force.`);
      if (answer.type === "reloading") throw new ClientError(STILL_READING);
      if (answer.type === "reloaded" && daemon?.type === "daemon" && daemon.config === realPath(config)) adopted++;
    }
  }
  if (adopted > 0) return;
  if (pid === undefined) throw new ClientError(`no knockd runs with ${config}`);
  process.kill(pid, "SIGHUP");
  console.error(`knockd (${pid}) has no socket: its log says whether it adopts the config`);
}

/** None if there is no directory for them. */
function sockets(config: string): readonly string[] {
  try {
    return socketsOf(config, "root's");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return [];
    throw error; // a line of knockd with the system's reason, such as "Permission denied"
  }
}
