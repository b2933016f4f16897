// The daemon's two sockets for knockctl: root's for every command, and the group's (group-access.ts), which changes nothing and
// shows no secret. Two sockets with file modes, rather than one that checks credentials: the kernel rejects all other users
// at no cost to the daemon, and a flood on the group's socket does not keep root out.

import { dirname } from "node:path";
import { makePrivateDirectory } from "../platform/state-directory.ts";
import { systemErrorText } from "../platform/system-error.ts";
import { makeGroupDirectory, readers } from "./group-access.ts";
import type { Handlers } from "./handler.ts";
import { ControlSocket } from "./socket.ts";
import { groupSocketOf } from "./socket-path.ts";

export interface ControlOptions {
  /** The path of root's socket (socket-path.ts). */
  readonly path: string;
  /** The path of the config. */
  readonly config: string;
  readonly handlers: Handlers;
  /** Why there is no socket. */
  readonly trouble: (why: string) => void;
}

export class ControlServer {
  readonly #options: ControlOptions;
  readonly #group: number | undefined;
  readonly #sockets: ControlSocket[] = [];

  /** `group`: who may ask besides root. Undefined: only root may. */
  constructor(options: ControlOptions, group = readers()) {
    this.#options = options;
    this.#group = group;
  }

  /** Resolves when the sockets exist or cannot exist. */
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
      return; // the daemon may not make the directory: only root can ask
    }
    await this.#openOne(groups, this.#group);
  }

  /** Removes the sockets. May be called at any time and repeatedly. */
  close(): void {
    for (const socket of this.#sockets) socket.close();
  }

  #openOne(path: string, group: number | undefined): Promise<void> {
    const socket = new ControlSocket({ ...this.#options, path, group });
    this.#sockets.push(socket);
    return socket.open();
  }
}
