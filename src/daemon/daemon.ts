// Connects the parts: it sees packets, decides events (packet-loop.ts), opens doors and logs lines. At the start and at each
// reload it gives each part its share of the config.

import { performance } from "node:perf_hooks";
import { CaptureSupervisor } from "../capture/supervisor.ts";
import { type Config, ConfigError } from "../config/door.ts";
import type { ResolvedDoor } from "../config/resolved-door.ts";
import { type Flags, type Settings, settle } from "../config/settings.ts";
import { WeakDoors } from "../config/weak-doors.ts";
import { handlersFor } from "../control/commands/index.ts";
import type { ReloadOutcome } from "../control/daemon-view.ts";
import { ControlServer } from "../control/server.ts";
import { socketPath } from "../control/socket-path.ts";
import { DoorService, type Patience } from "../doors/door-service.ts";
import { AlreadyRunning } from "../doors/instance-locks.ts";
import { KnockOpener } from "../doors/knock-opener.ts";
import { EventLog } from "../log/event-log.ts";
import type { Log, Logger } from "../log/logger.ts";
import type { ReverseDns } from "../log/reverse-dns.ts";
import { CaptureError } from "../platform/capture-error.ts";
import { isClockSet } from "../platform/clock-set.ts";
import { ephemeralPorts, listeningPorts } from "../platform/local-ports.ts";
import { clear, releaseFilePages, releaseUnusedMemory } from "../platform/memory.ts";
import { hasInterface } from "../platform/network-interfaces.ts";
import { realPath } from "../platform/real-path.ts";
import type { Systemd } from "../platform/systemd.ts";
import { after } from "../platform/timer.ts";
import { oneTimeFiles } from "../sequences/one-time-file.ts";
import { CaptureLoop } from "./capture-loop.ts";
import { ClientCodes } from "./client-codes.ts";
import { CommandLock } from "./command-lock.ts";
import { ConfigSource } from "./config-source.ts";
import { interfacePatterns } from "./interface-patterns.ts";
import { Reloads } from "./reloads.ts";
import { logCapture, logConfig, logListening } from "./startup-log.ts";
import { StateCheck } from "./state-check.ts";

const now = () => performance.now();
/** How often to check whether the stop commands that an earlier daemon left have ended. */
const LEFT_COMMANDS_SECONDS = 1;

export interface DaemonOptions {
  readonly flags: Flags;
  readonly logger: Logger;
  /** Undefined without -l. */
  readonly reverseDns: ReverseDns | undefined;
  /** Receives `status` when it may have changed, and the begin and the end of each reload. */
  readonly systemd: Pick<Systemd, "status" | "reloading" | "ready">;
}

export class Daemon {
  readonly #options: DaemonOptions;
  readonly #log: Log;
  readonly #eventLog: EventLog;
  readonly #captureLoop: CaptureLoop;
  readonly #doorService: DoorService;
  readonly #commandLock: CommandLock;
  #config: Config | undefined;
  readonly #state: StateCheck;
  #settings: Settings | undefined;
  #supervisor: CaptureSupervisor | undefined;
  #control: ControlServer | undefined;
  readonly #configSource: ConfigSource;
  readonly #clientCodes: ClientCodes;
  readonly #weak = new WeakDoors();
  readonly #reloads = new Reloads(() => this.#notifiedReload());

  constructor(options: DaemonOptions) {
    this.#options = options;
    this.#log = options.logger.log;
    this.#state = new StateCheck(this.#log);
    this.#eventLog = new EventLog(options.logger, options.reverseDns, now);
    this.#doorService = new DoorService(options.flags.config, this.#eventLog.doorEvent, this.#eventLog.notice);
    this.#commandLock = new CommandLock(this.#log);
    this.#configSource = new ConfigSource(options.flags, (config) => this.#commandLock.admit(config));
    this.#clientCodes = new ClientCodes(this.#doorService, this.#eventLog.notice, now);
    this.#captureLoop = new CaptureLoop({
      now,
      after,
      source: () => this.#supervisor!.captures,
      listeningPorts,
      ephemeral: ephemeralPorts(),
      eventLog: this.#eventLog,
      opener: new KnockOpener({
        doors: () => this.#doorService.doors,
        files: oneTimeFiles,
        onNotice: this.#eventLog.notice,
        onUsed: (door, next) => {
          this.#configSource.onSequenceUsed();
          this.#captureLoop.packetLoop.replaceDoor(door, next);
          this.#refreshFilter();
        },
        keepCodes: () => this.#clientCodes.settled(),
      }),
      onCode: (isUsed) => this.#clientCodes.onCode(isUsed),
      onReplay: (door, other) => this.#clientCodes.onReplay(door, other),
      packetLog: options.flags.debug ? this.#log : undefined,
      memory: { clear, release: releaseUnusedMemory },
    });
  }

  /** Resolves when packets are being captured. Rejects with ConfigError, CaptureError or AlreadyRunning. */
  async start(): Promise<Settings> {
    const settings = await this.#adopt().catch((error) => {
      this.#doorService.releaseAll();
      throw error;
    });
    await this.#openControl();
    logListening(this.#log, this.#supervisor!);
    for (const line of this.#weak.news(this.#captureLoop.packetLoop.resolvedDoors)) this.#log.note(line);
    return settings;
  }

  /** One line about what knockd captures and what it does not. systemd shows it. */
  get status(): string {
    return this.#supervisor!.status;
  }

  /** Can the daemon keep no state, as in a container without a writable /run? */
  get isStateless(): boolean {
    return this.#state.isStateless;
  }

  /** Is an interface present whose packets the daemon does not get? */
  get isDeaf(): boolean {
    return this.#supervisor!.isDeaf;
  }

  /** Reads the config again. If there is an error in it, logs it and keeps the old one. */
  reload(): Promise<ReloadOutcome> {
    return this.#reloads.request();
  }

  /** Call it after the start. Gives up the right to run commands if no door has one and no earlier daemon has left one. */
  lockDown(): void {
    if (this.#doorService.commandsToRun > 0) after(LEFT_COMMANDS_SECONDS, () => this.lockDown());
    else this.#commandLock.close(this.#config!, this.#settings!);
  }

  /** Stops capturing and closes the doors. Resolves when their commands have ended, or when `patience` has run out. */
  async stop(patience: Patience): Promise<void> {
    this.#control?.close();
    this.#supervisor?.close();
    this.#captureLoop.end();
    this.#eventLog.end();
    this.#log.say("waiting for child processes...");
    await this.#doorService.shutdown(this.#settings?.onExit ?? "close", patience);
    await this.#clientCodes.end();
    this.#options.reverseDns?.flush();
    this.#log.say("closing...");
    this.#log.note("shutting down");
    this.#options.logger.flush();
  }

  /** Opens the socket for knockctl, which survives all reloads. If this fails, the daemon continues without it. */
  async #openControl(): Promise<void> {
    const config = realPath(this.#options.flags.config);
    this.#control = new ControlServer({
      path: socketPath(config, this.#supervisor!.patterns),
      config,
      handlers: handlersFor({
        supervisor: () => this.#supervisor!,
        resolvedDoors: () => this.#captureLoop.packetLoop.resolvedDoors,
        packetLoop: this.#captureLoop,
        doorService: this.#doorService,
        clientCodes: this.#clientCodes,
        hasInterface,
        reload: () => this.reload(),
        isClockSet,
        eventLog: this.#eventLog,
        recent: this.#options.logger.recent,
      }),
      trouble: (why) => {
        if (!this.isStateless) this.#log.warn(`knockctl cannot reach this knockd: ${why}`);
      },
    });
    await this.#control.open();
  }

  /** Does everything that can fail first, and keeps the old state until it has succeeded. */
  async #adopt(): Promise<Settings> {
    const { flags, logger } = this.#options;
    const { config, resolvedDoors, warnings } = await this.#configSource.read();
    const settings = settle(flags, config.options);
    const old = this.#supervisor;
    const before = this.#settings?.interface === undefined ? old?.patterns : undefined;
    const patterns = interfacePatterns(flags, config, before, (line) => this.#log.info(line));
    this.#state.check(config, settings);
    this.#doorService.claim(settings, patterns, flags.daemon, this.isStateless);
    this.#clientCodes.claim(config.doors, settings.clientsState);
    const supervisor = `${old?.patterns}` === `${patterns}` ? old! : this.#newSupervisor(patterns);
    const instructions = this.#setDoors(supervisor, resolvedDoors);
    try {
      this.#doorService.apply(config);
    } catch (error) {
      if (supervisor !== old) supervisor.close();
      else this.#refreshFilter(); // back to the old doors
      throw error;
    }

    this.#clientCodes.adopt(config.doors, settings.clientsState);
    logger.configure(settings);
    this.#config = config;
    this.#settings = settings;
    this.#supervisor = supervisor;
    this.#doorService.keepInterfaces(patterns);
    this.#captureLoop.apply(resolvedDoors, config.doors, this.#clientCodes.states);
    this.#doorService.start(config.doors);
    logConfig(this.#log, config, [...warnings, ...this.#clientCodes.warnings(config.doors)]);
    logCapture(this.#log, supervisor, instructions);
    if (supervisor !== old) {
      old?.close();
      supervisor.start();
    }
    return settings;
  }

  #setDoors(supervisor: CaptureSupervisor, resolvedDoors: readonly ResolvedDoor[]): number {
    try {
      return supervisor.setDoors(resolvedDoors);
    } catch (error) {
      if (supervisor !== this.#supervisor) supervisor.close();
      throw error;
    }
  }

  async #notifiedReload(): Promise<ReloadOutcome> {
    const { systemd } = this.#options;
    systemd.reloading();
    const refused = await this.#reload();
    systemd.ready(this.status);
    return { refused };
  }

  /** Resolves with the reason if the old config stays in force. */
  async #reload(): Promise<string | undefined> {
    const { flags, logger } = this.#options;
    this.#log.info(`re-reading config file: ${flags.config}`);
    try {
      await this.#adopt();
      for (const line of this.#weak.news(this.#captureLoop.packetLoop.resolvedDoors)) this.#log.note(line);
      return undefined;
    } catch (error) {
      if (!(error instanceof ConfigError || error instanceof CaptureError || error instanceof AlreadyRunning))
        throw error;
      this.#doorService.keepInterfaces(this.#supervisor!.patterns);
      logger.configure(this.#settings!); // even now: a program that has rotated the log waits for a new file
      this.#log.error(error.message);
      this.#log.error("the old configuration stays in force");
      return error.message;
    }
  }

  #newSupervisor(patterns: readonly string[]): CaptureSupervisor {
    const { onlyIpv4, wait } = this.#options.flags;
    return new CaptureSupervisor({
      patterns,
      onlyIpv4,
      wait,
      now,
      onBatch: (capture, records, count, at) => this.#captureLoop.onBatch(capture.own, records, count, at),
      log: this.#log,
      onStatus: () => this.#options.systemd.status(this.status),
      onChecked: releaseFilePages,
    });
  }

  /** Makes the filter pass the current knocks of the doors, for example after a one-time sequence was used. */
  #refreshFilter(): void {
    try {
      this.#supervisor!.setDoors(this.#captureLoop.packetLoop.resolvedDoors);
    } catch (error) {
      this.#log.error((error as Error).message); // the next sequence is not captured; those of all other doors are
    }
  }
}
