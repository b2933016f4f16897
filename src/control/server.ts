// For knockctl: the daemon's two sockets. Root's, at which all may be asked, and the group's (group-access.ts), at which nothing is
// changed and no secret told. Two, and not one that asks the kernel who is there: by the files' modes the kernel keeps
// everybody else away before he costs us anything, and whoever floods the group's does not keep root out.

import { dirname } from "node:path";
import { makePrivateDirectory } from "../platform/state-directory.ts";
import { systemErrorText } from "../platform/system-error.ts";
import { makeGroupDirectory, readers } from "./group-access.ts";
import type { Commands } from "./handler.ts";
import { ControlSocket } from "./socket.ts";
import { groupSocketOf } from "./socket-path.ts";

export interface ControlOptions {
  /** Of root's socket (socket-path.ts). */
  readonly path: string;
  /** The config's. */
  readonly config: string;
  readonly commands: Commands;
  /** Why there is no socket. */
  readonly trouble: (why: string) => void;
}

export class ControlServer {
  readonly #options: ControlOptions;
  readonly #group: number | undefined;
  readonly #sockets: ControlSocket[] = [];

  /** `group` may look; undefined: nobody but root. */
  constructor(options: ControlOptions, group = readers()) {
    this.#options = options;
    this.#group = group;
  }

  /** Resolves when the sockets are there, or can't be. */
  async open(): Promise<void> {
    const { path, trouble } = this.#options;
    try {
      makePrivateDirectory(dirname(path));
    } catch (error) {
      trouble(`${path}: ${systemErrorText(error)}`);
      return;
    }
    await this.#openOne(path, undefined);
    if (this.#group === undefined) return;
    const groups = groupSocketOf(path);
    try {
      makeGroupDirectory(this.#group, dirname(groups));
    } catch {
      return; // a daemon that may not: root alone can ask it
    }
    await this.#openOne(groups, this.#group);
  }

  /** At any time, and again. The sockets go with it. */
  close(): void {
    for (const socket of this.#sockets) socket.close();
  }

  #openOne(path: string, group: number | undefined): Promise<void> {
    const socket = new ControlSocket({ ...this.#options, path, group });
    this.#sockets.push(socket);
    return socket.open();
  }
}
