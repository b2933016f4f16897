// The daemon's start and end. Only this file ends the process, except when the addon cannot be loaded.

import { releaseUnusedMemory } from "../platform/memory.ts";
// The import above comes first, because its settings must hold before other modules use the heap.

import { lookupService } from "node:dns/promises";
import * as fs from "node:fs";
import { constants } from "node:os";
import { resolve } from "node:path";
import { performance } from "node:perf_hooks";
import { CommanderError } from "commander";
import { askedInterfaces } from "../capture/asked-interfaces.ts";
import { requireListening } from "../capture/can-listen.ts";
import { ConfigError } from "../config/door.ts";
import type { Flags } from "../config/settings.ts";
import { ClientError } from "../control/talk.ts";
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
import { printable } from "../terminal/printable.ts";
import { readFlags } from "./command-line.ts";
import { Daemon } from "./daemon.ts";
import { requestReload } from "./reload-request.ts";
import { warmUp } from "./warm-up.ts";

/** How long stop commands may take when the daemon ends, in seconds. knockd.service allows ten seconds more. */
const PATIENCE = { idle: 5, most: 60 } as const;
/** By then, the work of the start is done. */
const SETTLED_MS = 1000;

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
    process.once("exit", () => native.exitNow(status)); // last, because Node would wait for threads that look up names
    process.exit(status); // a second signal comes here at once
  };
  const daemon = new Daemon({ flags, logger, reverseDns: lookup, systemd });

  try {
    const started = daemon.start();
    process.on("SIGHUP", () => void started.then(() => daemon.reload()));
    for (const signal of ["SIGTERM", "SIGINT"] as const) {
      process.on(signal, () => void end(constants.signals[signal])); // 15 and 2: Debian's unit calls them success
    }
    const settings = await started;
    systemd.ready(daemon.status);
    systemd.watchdog(() => ending || !daemon.isDeaf);
    setTimeout(() => {
      releaseUnusedMemory(); // first, so that the warm-up uses the pages that the start has used
      // And once more a moment after it, because V8 still compiles and collects garbage in the background.
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

/** Prints what keeps knockd from starting with this config, or a reload from adopting it. All other findings: knockctl check. */
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

/** For knockd.service and the init script. Only the daemon knows whether it adopts a config. */
async function reload(flags: Flags): Promise<void> {
  check(flags);
  try {
    await requestReload(flags.config, Number(process.env.MAINPID) || undefined);
  } catch (error) {
    if (!(error instanceof ClientError)) throw error;
    console.error(error.message.split("\n").map(printable).join("\n"));
    process.exit(1);
  }
}

/** Prints in one line why knockd cannot capture packets here, and exits with status 1. */
function canListen(flags: Flags): void {
  try {
    requireListening(flags.interface, interfacesNow(true));
  } catch (error) {
    if (!(error instanceof CaptureError)) throw error;
    console.error(printable(error.message));
    process.exit(1);
  }
}

/** For knockd-gate.service. What it prints goes into the journal. */
function gate({ config }: Flags): void {
  try {
    console.log(printable(buildGate(config)));
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    console.error(error.message.split("\n").map(printable).join("\n"));
    process.exit(1);
  }
}

/** Writes the file in one step, and removes it when the process exits. `log`: undefined if a failure is not reported. */
function writePidFile(path: string, log: Log | undefined): void {
  try {
    replaceFile(path, `${process.pid}\n`, { mode: 0o644, sync: false });
    process.on("exit", () => {
      try {
        fs.rmSync(path, { force: true });
      } catch {} // the disk may have become read-only; that must not change the exit status
    });
  } catch (error) {
    log?.warn(`could not create pid file ${path}: ${systemErrorText(error)}`);
  }
}

// Makes pgrep, pidof and monit see knockd, as with 0.8, and not Node. process.title would remove the arguments.
native.nameProcess("knockd", nodeWords.index, nodeWords.count);
// Not awaited: the single executable cannot contain a module with a top-level await (packaging/single).
void run();

async function run(): Promise<void> {
  try {
    const flags = readFlags(process.argv);
    if (flags.check) check(flags);
    else if (flags.reload) await reload(flags);
    else if (flags.gate) gate(flags);
    else if (flags.canListen) canListen(flags);
    else await main(flags);
  } catch (error) {
    if (error instanceof CommanderError) process.exit(error.exitCode);
    const { syscall } = error as NodeJS.ErrnoException;
    if (syscall === undefined) throw error;
    fs.writeSync(2, `knockd: ${syscall}: ${systemErrorText(error)}\n`); // such as a missing working directory: not a bug of ours
    process.exit(1);
  }
}
