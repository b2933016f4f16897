// What the command line asks for, and which of it and of [options] wins.

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
}

export interface Settings {
  readonly interface: string;
  readonly pidFile: string;
  readonly logFile: string | undefined;
  readonly useSyslog: boolean;
  readonly stateFile: string | undefined;
  readonly onExit: "close" | "keep";
}

/** 0.8: -i beats the file's Interface, but the file's LogFile and PidFile beat -g and -p. */
export function settle(flags: Flags, file: FileOptions): Settings {
  return {
    interface: flags.interface ?? file.interface ?? "eth0",
    pidFile: file.pidFile ?? flags.pidfile ?? "/var/run/knockd.pid",
    logFile: file.logFile ?? flags.logfile,
    useSyslog: file.useSyslog,
    stateFile: file.stateFile,
    onExit: file.onExit,
  };
}
