// The daemon's command: argv → flags → run. The only process.exit of the daemon, but for an addon that can't be loaded.

import { releaseUnusedMemory } from "../platform/memory.ts";
// They come first: before the others make use of the heap.

import { lookupService } from "node:dns/promises";
import * as fs from "node:fs";
import { constants } from "node:os";
import { resolve } from "node:path";
import { performance } from "node:perf_hooks";
import { Command, CommanderError } from "commander";
import { askedInterfaces } from "../capture/asked-interfaces.ts";
import { requireListening } from "../capture/can-listen.ts";
import { ConfigError } from "../config/door.ts";
import type { Flags } from "../config/settings.ts";
import { AlreadyRunning } from "../doors/instance-locks.ts";
import { buildGate } from "../firewall/boot-gate.ts";
import { read } from "../lint/config.ts";
import { type Log, Logger } from "../log/logger.ts";
import { ReverseDns } from "../log/reverse-dns.ts";
import { CaptureError } from "../platform/capture-error.ts";
import { letGo, takeMark, toBackground } from "../platform/daemonize.ts";
import { nodeWords } from "../platform/launcher.ts";
import { native } from "../platform/native.ts";
import { interfacesNow } from "../platform/network-interfaces.ts";
import { replaceFile } from "../platform/replace-file.ts";
import { systemErrorText } from "../platform/system-error.ts";
import { Systemd } from "../platform/systemd.ts";
import { version } from "../platform/version.ts";
import { printable } from "../terminal/printable.ts";
import { Daemon } from "./daemon.ts";
import { warmUp } from "./warm-up.ts";

/** 0.8's, to the letter, and four options more. */
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
      --gate             close the ports of built-in doors and exit
      --can-listen       exit 0 if knockd may capture packets, 1 otherwise

example:  knockd -i eth0 -c my.conf -v

exit status: 1 could not start; 2 and 15 after SIGINT and SIGTERM, as in 0.8

`;

/** How long the commands that close doors may take when we are told to end. knockd.service gives us ten seconds more. */
const PATIENCE = { idle: 5, most: 60 } as const;
/** By then, all that is done once is done. */
const SETTLED_MS = 1000;

interface CommandLine extends Flags {
  readonly check: boolean;
  readonly gate: boolean;
  readonly canListen: boolean;
}

function readFlags(argv: readonly string[]): CommandLine {
  const command = new Command("knockd")
    .option("-i, --interface <int>", "", (one: string, before?: string) =>
      before === undefined ? one : `${before},${one}`,
    )
    .option("--wait")
    .option("--check")
    .option("--gate")
    .option("--can-listen")
    .option("-s, --save-mem") // of a fork: it has no effect here
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
    .allowExcessArguments() // 0.8 takes no notice of them
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
    gate: given.gate ?? false,
    canListen: given.canListen ?? false,
  };
}

async function main(flags: Flags): Promise<void> {
  const background = takeMark() && flags.daemon;
  if (flags.daemon && !background) process.exit(await toBackground());

  const systemd = new Systemd(process.env);
  const logger = new Logger({ debug: flags.debug, verbose: flags.verbose && !background });
  const name = async (ip: string) => (await lookupService(ip, 0)).hostname;
  const lookup = flags.lookup ? new ReverseDns(name, () => performance.now()) : undefined;
  // A bug ends the process with its stack trace on standard error: in the background only the logs can keep it.
  process.on("uncaughtExceptionMonitor", (error) => {
    logger.log.note(`knockd stops because of a bug: ${error.stack}`);
    logger.flush();
  });
  let ending = false;
  const end = async (status: number) => {
    if (!ending) {
      ending = true;
      systemd.stopping();
      await daemon.stop(PATIENCE);
    }
    process.once("exit", () => native.exitNow(status)); // last: Node would wait for threads that ask for names
    process.exit(status); // at once, when told a second time
  };
  const daemon = new Daemon({ flags, logger, reverseDns: lookup, onStatus: (status) => systemd.status(status) });

  try {
    const started = daemon.start();
    const reload = async () => {
      await started;
      systemd.reloading();
      await daemon.reload();
      systemd.ready(daemon.status);
    };
    process.on("SIGHUP", () => void reload());
    for (const signal of ["SIGTERM", "SIGINT"] as const) {
      process.on(signal, () => void end(constants.signals[signal])); // 15 and 2: Debian's unit calls them success
    }
    const settings = await started;
    systemd.ready(daemon.status);
    systemd.watchdog(() => ending || !daemon.isDeaf);
    setTimeout(() => {
      releaseUnusedMemory(); // first: the warm-up then uses the same pages as the start has
      // Afterwards later: V8 still compiles, and frees in the background what the warm-up has left.
      void warmUp().then(() => setTimeout(releaseUnusedMemory, SETTLED_MS).unref());
    }, SETTLED_MS).unref();
    if (background) {
      writePidFile(resolve(settings.pidFile), daemon.isStateless ? undefined : logger.log);
      logger.mute();
      if (!letGo()) void end(constants.signals.SIGTERM);
    }
    daemon.lockDown();
  } catch (error) {
    const refused = [ConfigError, CaptureError, AlreadyRunning].some((kind) => error instanceof kind);
    if (!(refused && error instanceof Error)) throw error;
    logger.log.error(error.message);
    logger.flush();
    process.exit(1);
  }
}

/** `systemctl reload` runs this before it sends SIGHUP, which cannot report an error. All other findings: knockctl check. */
function check(flags: Flags): void {
  const { config, findings } = read(flags.config);
  for (const { text } of findings) console.error(printable(text));
  if (config === undefined) process.exit(1);
  try {
    askedInterfaces(flags, config, () => interfacesNow(false));
  } catch (error) {
    if (!(error instanceof ConfigError || error instanceof CaptureError)) throw error;
    console.error(printable(error.message));
    process.exit(1);
  }
}

/** Says in one line why knockd could not capture packets here, and ends with status 1. */
function canListen(flags: Flags): void {
  try {
    requireListening(flags.interface, interfacesNow(true));
  } catch (error) {
    if (!(error instanceof CaptureError)) throw error;
    console.error(printable(error.message));
    process.exit(1);
  }
}

/** For knockd-gate.service: systemd keeps what is printed. */
function gate({ config }: Flags): void {
  try {
    console.log(printable(buildGate(config)));
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    console.error(error.message.split("\n").map(printable).join("\n"));
    process.exit(1);
  }
}

/** `log`: undefined if a failure need not be reported. The file is removed when the process exits, and never half written. */
function writePidFile(path: string, log: Log | undefined): void {
  try {
    replaceFile(path, `${process.pid}\n`, { mode: 0o644, sync: false });
    process.on("exit", () => {
      try {
        fs.rmSync(path, { force: true });
      } catch {} // a disk that is read-only by now: it is no reason to end otherwise
    });
  } catch (error) {
    log?.warn(`could not create pid file ${path}: ${systemErrorText(error)}`);
  }
}

// As 0.8 is seen by who looks for it (pgrep, pidof, monit): not as Node. process.title would leave no arguments.
native.nameProcess("knockd", nodeWords.index, nodeWords.count);
// Not awaited here: a module that waits can't be part of a single executable (packaging/single).
void run();

async function run(): Promise<void> {
  try {
    const flags = readFlags(process.argv);
    if (flags.check) check(flags);
    else if (flags.gate) gate(flags);
    else if (flags.canListen) canListen(flags);
    else await main(flags);
  } catch (error) {
    if (error instanceof CommanderError) process.exit(error.exitCode);
    const { syscall } = error as NodeJS.ErrnoException;
    if (syscall === undefined) throw error;
    fs.writeSync(2, `knockd: ${syscall}: ${systemErrorText(error)}\n`); // no working directory, no process: no bug of ours
    process.exit(1);
  }
}
