// The daemon's command line: 0.8's options, and a few more.

import { resolve } from "node:path";
import { Command } from "commander";
import type { Flags } from "../config/settings.ts";
import { version } from "../platform/version.ts";

/** The text of 0.8, to the letter, and more options. */
const USAGE = `usage: knockd [options]
options:
  -i, --interface <int>  network interface to listen on (default "eth0")
  -d, --daemon           run as a daemon
  -c, --config <file>    use an alternate config file
  -D, --debug            output debug messages
  -l, --lookup           lookup DNS names (may be a security risk)
  -p, --pidfile          use an alternate pidfile
  -g, --logfile          use an alternate logfile
  -v, --verbose          be verbose
  -4, --only-ip-v4       do not track ipv6
  -V, --version          display version
  -h, --help             this help
      --wait             wait for an interface that does not exist yet
      --check            check the config and exit
      --reload           make a running knockd read its config again and exit
      --gate             close the ports of built-in doors and exit
      --can-listen       exit 0 if knockd may capture packets, 1 otherwise

example:  knockd -i eth0 -c my.conf -v

exit status: 1 could not start; 2 and 15 after SIGINT and SIGTERM, as in 0.8

`;

export interface CommandLine extends Flags {
  readonly check: boolean;
  readonly reload: boolean;
  readonly gate: boolean;
  readonly canListen: boolean;
}

/** Throws CommanderError, also after `--help` and `--version`. */
export function readFlags(argv: readonly string[]): CommandLine {
  const command = new Command("knockd")
    .option("-i, --interface <int>", "", (one: string, before?: string) =>
      before === undefined ? one : `${before},${one}`,
    )
    .option("--wait")
    .option("--check")
    .option("--reload")
    .option("--gate")
    .option("--can-listen")
    .option("-s, --save-mem") // an option of a fork; no effect here
    .option("-d, --daemon")
    .option("-c, --config <file>", "", "/etc/knockd.conf")
    .option("-D, --debug")
    .option("-l, --lookup")
    .option("-p, --pidfile <file>")
    .option("-g, --logfile <file>")
    .option("-v, --verbose")
    .option("-4, --only-ip-v4")
    .version(`knockd ${version} (knockd-ng)`, "-V, --version")
    .helpOption("-h, --help")
    .helpCommand(false)
    .allowExcessArguments() // 0.8 ignores them
    .exitOverride()
    .configureOutput({
      outputError: (text, write) =>
        write(
          text.replace(/^error: (unknown option)?/, (_, unknown) => `knockd: ${unknown ? "unrecognized option" : ""}`),
        ),
    });
  command.helpInformation = () => USAGE;
  const given = command.parse(argv).opts();
  const daemon: boolean = given.daemon ?? false;
  // A daemon's working directory is /, and it reads its config again later.
  const path = (file: string) => (daemon ? resolve(file) : file);
  return {
    interface: given.interface,
    daemon,
    config: path(given.config),
    debug: given.debug ?? false,
    lookup: given.lookup ?? false,
    pidfile: given.pidfile && path(given.pidfile),
    logfile: given.logfile && path(given.logfile),
    verbose: given.verbose ?? false,
    onlyIpv4: given.onlyIpV4 ?? false,
    wait: given.wait ?? false,
    check: given.check ?? false,
    reload: given.reload ?? false,
    gate: given.gate ?? false,
    canListen: given.canListen ?? false,
  };
}
