// Notifies systemd (sd_notify(3), sd_watchdog_enabled(3)) without starting a process.

import { native } from "./native.ts";

type Send = (socket: string, text: string) => boolean;

/** Sends a message again if systemd is busy: without READY it would stop knockd. */
const TRY_AGAIN_MS = 250;
const MAX_TRIES = 40;

/** Without systemd, every method does nothing. */
export class Systemd {
  readonly #socket: string | undefined;
  readonly #beatMs: number | undefined;
  readonly #send: Send;
  #unsent: string[] = [];

  /** Removes the variables from `env`, so that commands cannot send messages in our name. */
  constructor(env: NodeJS.ProcessEnv, send: Send = native.notify) {
    const { NOTIFY_SOCKET, WATCHDOG_USEC, WATCHDOG_PID } = env;
    for (const name of ["NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID"]) delete env[name];
    this.#socket = NOTIFY_SOCKET || undefined;
    this.#send = send;
    const isOurs = WATCHDOG_PID === undefined || Number(WATCHDOG_PID) === process.pid;
    const micros = Number(WATCHDOG_USEC);
    if (isOurs && micros > 0) this.#beatMs = Math.max(1, Math.floor(micros / 2000));
  }

  /** Tells systemd that knockd listens, at the start or after `reloading`. */
  ready(status: string): void {
    this.#tell(`READY=1\n${statusLine(status)}`);
  }

  status(text: string): void {
    this.#tell(statusLine(text));
  }

  /** Includes the time, because Type=notify-reload requires it. */
  reloading(): void {
    this.#tell(`RELOADING=1\nMONOTONIC_USEC=${process.hrtime.bigint() / 1000n}`);
  }

  stopping(): void {
    this.#tell("STOPPING=1");
  }

  /** Sends a sign of life twice per watchdog interval while `isAlive` is true. Otherwise systemd restarts knockd. */
  watchdog(isAlive: () => boolean): void {
    const socket = this.#socket;
    if (socket === undefined || this.#beatMs === undefined) return;
    const beat = () => {
      if (isAlive()) this.#send(socket, "WATCHDOG=1");
    };
    beat();
    setInterval(beat, this.#beatMs).unref();
  }

  #tell(text: string): void {
    if (this.#socket === undefined) return;
    this.#unsent.push(text);
    if (this.#unsent.length === 1) this.#sendAll(this.#socket);
  }

  #sendAll(socket: string, tries = MAX_TRIES): void {
    while (this.#unsent.length > 0 && this.#send(socket, this.#unsent[0]!)) this.#unsent.shift();
    if (tries === 0) this.#unsent = []; // no systemd reads this socket
    if (this.#unsent.length > 0) setTimeout(() => this.#sendAll(socket, tries - 1), TRY_AGAIN_MS).unref();
  }
}

/** Makes one line of the text, whatever the names of interfaces contain. */
function statusLine(text: string): string {
  return `STATUS=${text.replaceAll("\n", " ")}`;
}
