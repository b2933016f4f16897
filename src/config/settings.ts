// The options of the command line, and which of them override [options].

import type { FileOptions } from "./door.ts";

/** The command line, as given. */
export interface Flags {
  readonly interface: string | undefined;
  readonly daemon: boolean;
  readonly config: string;
  readonly debug: boolean;
  readonly lookup: boolean;
  readonly pidfile: string | undefined;
  readonly logfile: string | undefined;
  readonly verbose: boolean;
  readonly onlyIpv4: boolean;
  /** Wait for a missing interface instead of exiting. */
  readonly wait: boolean;
}

export interface Settings {
  /** Undefined if neither sets one. 0.8's default is eth0. */
  readonly interface: string | undefined;
  readonly pidFile: string;
  readonly logFile: string | undefined;
  readonly logFormat: "text" | "json";
  readonly logSeconds: boolean;
  readonly useSyslog: boolean;
  readonly stateFile: string | undefined;
  readonly clientsState: string;
  readonly onExit: "close" | "keep";
}

/** On the disk rather than in /run: used codes must stay used after a reboot. */
export const CLIENTS_STATE = "/var/lib/knockd/clients.json";

/** As in 0.8, -i overrides the file's Interface, but the file's LogFile and PidFile override -g and -p. */
export function settle(flags: Flags, file: FileOptions): Settings {
  return {
    interface: flags.interface ?? file.interface,
    pidFile: file.pidFile ?? flags.pidfile ?? "/var/run/knockd.pid",
    logFile: file.logFile ?? flags.logfile,
    logFormat: file.logFormat,
    logSeconds: file.logSeconds,
    useSyslog: file.useSyslog,
    stateFile: file.stateFile,
    clientsState: file.clientsState ?? CLIENTS_STATE,
    onExit: file.onExit,
  };
}
