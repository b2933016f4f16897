// --verify: has the door opened? A TCP connection to the port that the knock should have opened says so.

import { connect, type Socket } from "node:net";

/** Long enough for a start command on a slow board. */
export const VERIFY_SECONDS = 5;
/** A firewall that drops answers nothing, so a new connection is tried while older ones still wait. */
const TRY_EVERY_MS = 250;

export interface VerifyOptions {
  readonly host: string;
  readonly port: number;
  readonly source: string | undefined;
}

/** True as soon as a connection succeeds; false when none has within VERIFY_SECONDS. */
export function isOpen({ host, port, source }: VerifyOptions): Promise<boolean> {
  return new Promise((resolve) => {
    const tries = new Set<Socket>();
    const finish = (open: boolean): void => {
      clearInterval(ticker);
      clearTimeout(limit);
      for (const socket of tries) socket.destroy();
      resolve(open);
    };
    const attempt = (): void => {
      const socket = connect({ host, port, localAddress: source });
      tries.add(socket);
      socket.once("connect", () => finish(true));
      socket.once("error", () => tries.delete(socket)); // refused: not yet open
    };
    const ticker = setInterval(attempt, TRY_EVERY_MS);
    const limit = setTimeout(() => finish(false), VERIFY_SECONDS * 1000);
    attempt();
  });
}
