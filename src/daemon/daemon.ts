// Wires the parts: packets seen → events decided (packet-loop.ts) → doors opened, lines told; and settles by the config what each
// of them does, at the start and at each reload.

import { performance } from "node:perf_hooks";
import { setImmediate as nextTurn } from "node:timers/promises";
import { askedInterfaces } from "../capture/asked-interfaces.ts";
import { isOneName, namesOf } from "../capture/interfaces.ts";
import { CaptureSupervisor } from "../capture/supervisor.ts";
import { type Config, ConfigError } from "../config/door.ts";
import { readConfig } from "../config/read.ts";
import { type ResolvedDoors, resolveTargets } from "../config/resolve-targets.ts";
import type { ResolvedDoor } from "../config/resolved-door.ts";
import { type Flags, type Settings, settle } from "../config/settings.ts";
import { WeakDoors } from "../config/weak-doors.ts";
import { commandsFor } from "../control/commands/index.ts";
import { ControlServer } from "../control/server.ts";
import { socketPath } from "../control/socket-path.ts";
import { DoorService, type Patience } from "../doors/door-service.ts";
import { AlreadyRunning } from "../doors/instance-locks.ts";
import { KnockOpener } from "../doors/knock-opener.ts";
import { EventLog } from "../log/event-log.ts";
import type { Log, Logger } from "../log/logger.ts";
import type { ReverseDns } from "../log/reverse-dns.ts";
import { formatAddress } from "../net/address.ts";
import { CaptureError } from "../platform/capture-error.ts";
import { isClockSet } from "../platform/clock-set.ts";
import { ephemeralPorts, listeningPorts } from "../platform/local-ports.ts";
import { clear, releaseFilePages, releaseUnusedMemory } from "../platform/memory.ts";
import { interfacesNow } from "../platform/network-interfaces.ts";
import { realPath } from "../platform/real-path.ts";
import { after } from "../platform/timer.ts";
import { oneTimeFiles } from "../sequences/one-time-file.ts";
import { CaptureLoop } from "./capture-loop.ts";
import { ClientCodes } from "./client-codes.ts";
import { CommandLock } from "./command-lock.ts";
import { StateCheck } from "./state-check.ts";

const now = () => performance.now();
/** How often to look whether the commands of an earlier daemon have ended. */
const LEFT_COMMANDS_SECONDS = 1;

export interface DaemonOptions {
  readonly flags: Flags;
  readonly logger: Logger;
  /** With -l. */
  readonly reverseDns: ReverseDns | undefined;
  /** `status` may be another. */
  readonly onStatus: (status: string) => void;
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
  #sequencesUsed = 0;
  readonly #clientCodes: ClientCodes;
  readonly #weak = new WeakDoors();
  #reloaded: Promise<void> = Promise.resolve();
  #reloadWaits = false;

  constructor(options: DaemonOptions) {
    this.#options = options;
    this.#log = options.logger.log;
    this.#state = new StateCheck(this.#log);
    this.#eventLog = new EventLog(options.logger, options.reverseDns, now);
    this.#doorService = new DoorService(options.flags.config, this.#eventLog.doorEvent, this.#eventLog.notice);
    this.#commandLock = new CommandLock(this.#log);
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
          this.#sequencesUsed++;
          this.#captureLoop.packetLoop.replaceDoor(door, next);
          this.#hearDoors();
        },
        keepCodes: () => this.#clientCodes.settled(),
      }),
      onCode: (isUsed) => this.#clientCodes.onCode(isUsed),
      onReplay: (door, other) => this.#clientCodes.onReplay(door, other),
      packetLog: options.flags.debug ? this.#log : undefined,
      memory: { clear, release: releaseUnusedMemory },
    });
  }

  /** Resolves, with what was settled, when packets are really being captured. Rejects with ConfigError or CaptureError. */
  async start(): Promise<Settings> {
    const settings = await this.#adopt().catch((error) => {
      this.#doorService.releaseAll();
      throw error;
    });
    await this.#openControl();
    const { captures, missing, patterns } = this.#supervisor!;
    const here = [...captures.all.keys()];
    const names = (isOneName(patterns) && here.length > 0 ? patterns : here).join(", "); // one by the name given, as 0.8
    if (names !== "") this.#log.note(`starting up, listening on ${names}`);
    if (names !== "") this.#log.say(`listening on ${names}...`);
    if (missing.length > 0) this.#log.info(`waiting for ${missing.join(", ")}`);
    for (const line of this.#weak.news(this.#captureLoop.packetLoop.resolvedDoors)) this.#log.note(line);
    return settings;
  }

  /** What systemd shows of us. */
  get status(): string {
    return this.#supervisor!.status;
  }

  /** Nothing can be kept, as in a container without a writable /run. */
  get isStateless(): boolean {
    return this.#state.isStateless;
  }

  /** We ought to hear, and do not, somewhere. */
  get isDeaf(): boolean {
    return this.#supervisor!.isDeaf;
  }

  /**
   * Reads the config again; with an error in it the old one goes on. One at a time, at most one in a turn of the loop: a
   * storm of signals must not keep knocks waiting.
   */
  reload(): Promise<void> {
    if (this.#reloadWaits) return this.#reloaded;
    this.#reloadWaits = true;
    this.#reloaded = this.#reloaded.then(async () => {
      await nextTurn();
      this.#reloadWaits = false;
      const { flags, logger } = this.#options;
      this.#log.info(`re-reading config file: ${flags.config}`);
      try {
        await this.#adopt();
        for (const line of this.#weak.news(this.#captureLoop.packetLoop.resolvedDoors)) this.#log.note(line);
      } catch (error) {
        if (!(error instanceof ConfigError || error instanceof CaptureError || error instanceof AlreadyRunning))
          throw error;
        this.#doorService.keepInterfaces(this.#supervisor!.patterns);
        logger.configure(this.#settings!); // whoever rotated the log waits for a new file, whatever the config is
        this.#log.error(error.message);
        this.#log.error("the old configuration stays in force");
      }
    });
    return this.#reloaded;
  }

  /** After the start: gives up the right to run commands, if no door has one and an earlier daemon has left none. */
  lockDown(): void {
    if (this.#doorService.commandsToRun > 0) after(LEFT_COMMANDS_SECONDS, () => this.lockDown());
    else this.#commandLock.close(this.#config!, this.#settings!);
  }

  /** Hears no more, runs what closes the doors, and resolves when that is done, or when our patience is at its end. */
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

  /** For knockctl, in one place for our whole life. Where it can't be made, all else goes on. */
  async #openControl(): Promise<void> {
    const config = realPath(this.#options.flags.config);
    this.#control = new ControlServer({
      path: socketPath(config, this.#supervisor!.patterns),
      config,
      commands: commandsFor({
        supervisor: () => this.#supervisor!,
        resolvedDoors: () => this.#captureLoop.packetLoop.resolvedDoors,
        packetLoop: this.#captureLoop,
        doorService: this.#doorService,
        clientCodes: this.#clientCodes,
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

  /** All that can fail comes before anything of the old is let go. */
  async #adopt(): Promise<Settings> {
    const { flags, logger } = this.#options;
    const { config, resolvedDoors, warnings } = await this.#read();
    const settings = settle(flags, config.options);
    const old = this.#supervisor;
    const patterns = this.#patterns(config);
    this.#state.check(config, settings);
    this.#doorService.claim(settings, patterns, flags.daemon, this.isStateless);
    this.#clientCodes.claim(config.doors, settings.clientsState);
    const supervisor = `${old?.patterns}` === `${patterns}` ? old! : this.#lookOut(patterns);
    const instructions = this.#hear(supervisor, resolvedDoors);
    try {
      this.#doorService.apply(config.doors, config.options.firewall);
    } catch (error) {
      if (supervisor !== old) supervisor.close();
      else this.#hearDoors(); // the old ones
      throw error;
    }

    this.#clientCodes.adopt(config.doors, settings.clientsState);
    logger.configure(settings);
    this.#config = config;
    this.#settings = settings;
    this.#supervisor = supervisor;
    this.#doorService.keepInterfaces(patterns);
    this.#captureLoop.apply(resolvedDoors, config.doors, this.#clientCodes.states);
    this.#doorService.start();
    for (const warning of [...config.warnings, ...warnings, ...this.#clientCodes.warnings(config.doors)])
      this.#log.warn(warning);
    for (const door of config.doors) this.#log.debug(`config: ${JSON.stringify(door)}`);
    for (const { capture } of supervisor.captures.all.values()) {
      for (const address of capture.own.all) this.#log.debug(`local IP: ${formatAddress(address)}`);
    }
    this.#log.debug(`packet filter: ${instructions} instructions`);
    if (supervisor !== old) {
      old?.close();
      supervisor.start();
    }
    return settings;
  }

  #hear(supervisor: CaptureSupervisor, resolvedDoors: readonly ResolvedDoor[]): number {
    try {
      return supervisor.setDoors(resolvedDoors);
    } catch (error) {
      if (supervisor !== this.#supervisor) supervisor.close();
      throw error;
    }
  }

  /** Anew, when a one-time sequence was used while the targets were looked up: it must not count again. */
  async #read(): Promise<ResolvedDoors & { readonly config: Config }> {
    const { config: file, onlyIpv4 } = this.#options.flags;
    for (;;) {
      const before = this.#sequencesUsed;
      const config = readConfig(file);
      this.#commandLock.admit(config);
      const resolved = await resolveTargets(config, onlyIpv4);
      if (before === this.#sequencesUsed) return { config, ...resolved };
    }
  }

  /** 0.8 does not start without eth0 when nobody has said another: nearly no machine has one by that name today. */
  #patterns(config: Config): readonly string[] {
    const look = () => interfacesNow(false);
    const asked = askedInterfaces(this.#options.flags, config, look);
    if (asked !== undefined) return asked;
    if (this.#supervisor !== undefined && this.#settings?.interface === undefined) return this.#supervisor.patterns;
    if (namesOf("eth0", look()).length > 0) return ["eth0"];
    this.#log.info("there is no eth0, and no Interface is set: listening on the interfaces of the default routes");
    return ["auto"];
  }

  #lookOut(patterns: readonly string[]): CaptureSupervisor {
    const { onlyIpv4, wait } = this.#options.flags;
    return new CaptureSupervisor({
      patterns: patterns,
      onlyIpv4,
      wait,
      now,
      onBatch: (capture, records, count, at) => this.#captureLoop.onBatch(capture, records, count, at),
      tell: {
        notice: (line) => this.#log.info(line),
        warn: (line) => this.#log.warn(line),
        error: (line) => this.#log.error(line),
      },
      onStatus: () => this.#options.onStatus(this.status),
      onChecked: releaseFilePages,
    });
  }

  /** A one-time sequence was used: the filter lets the next one through. */
  #hearDoors(): void {
    try {
      this.#supervisor!.setDoors(this.#captureLoop.packetLoop.resolvedDoors);
    } catch (error) {
      this.#log.error((error as Error).message); // the next sequence is not heard; all other doors are
    }
  }
}
