// Wires the parts: packets seen → events decided → doors opened, lines told. Nobody else knows all four.

import { randomBytes } from "node:crypto";
import * as fs from "node:fs";
import { performance } from "node:perf_hooks";
import { type Address, formatAddress } from "./address.ts";
import { Attempts, type KnockEvent } from "./attempts/attempts.ts";
import type { Listener } from "./attempts/ears.ts";
import { interfaceWords } from "./capture/interfaces.ts";
import { CannotListen, type Listening } from "./capture/listening.ts";
import { Lookout } from "./capture/lookout.ts";
import { native } from "./capture/native.ts";
import type { Records } from "./capture/records.ts";
import { type ResolvedDoors, resolveTargets } from "./capture/targets.ts";
import { type Config, ConfigError, type Door } from "./config/door.ts";
import { type Flags, type Settings, settle } from "./config/options.ts";
import { readConfig } from "./config/read.ts";
import { AlreadyRunning, Claims } from "./doors/claims.ts";
import { run } from "./doors/command.ts";
import { Doorkeeper } from "./doors/doorkeeper.ts";
import { Ledger, ledgerPath } from "./doors/ledger.ts";
import { nextOneTime, strikeOut } from "./doors/one-time.ts";
import { Limit } from "./log/limit.ts";
import { eventLine, noSequencesLeft, notStruckOut, packetLine } from "./log/lines.ts";
import type { Log, LogBook } from "./log/log.ts";
import type { Lookup } from "./log/lookup.ts";
import { after } from "./timer.ts";

/** A timeout is told at most this late, and together with others that are close. */
const EXPIRY_GRAIN_MS = 20;
/** Timeouts told in one go, in units of 1,024: the end of a flood must not hold up the packets. */
const MOST_EXPIRY_ROUNDS = 16;

const now = () => performance.now();

export interface DaemonOptions {
  readonly flags: Flags;
  readonly book: LogBook;
  /** With -l. */
  readonly lookup: Lookup | undefined;
  /** `status` may be another. */
  readonly onStatus: (status: string) => void;
}

export class Daemon {
  readonly #options: DaemonOptions;
  readonly #log: Log;
  readonly #attempts: Attempts;
  readonly #claims = new Claims();
  #doorkeeper: Doorkeeper | undefined;
  #ledger: Ledger | undefined;
  #settings: Settings | undefined;
  #lookout: Lookout | undefined;
  /** Where the packets of this moment came in. */
  #at: Listening | undefined;
  #listeners: readonly Listener[] = [];
  #sequencesUsed = 0;
  #expiryTimer: NodeJS.Timeout | undefined;
  #expiryAt = Number.POSITIVE_INFINITY;
  #reloaded: Promise<void> = Promise.resolve();
  readonly #limit = new Limit();
  /** Runs while lines are held back. */
  #limitTimer: NodeJS.Timeout | undefined;

  constructor(options: DaemonOptions) {
    this.#options = options;
    this.#log = options.book.log;
    const key = randomBytes(8);
    this.#attempts = new Attempts({
      isOurs: (address) => this.#at!.isOurs(address),
      hashKey: [key.readInt32LE(0), key.readInt32LE(4)],
    });
  }

  /** Resolves, with what was settled, when packets are really being captured. Rejects with ConfigError or CannotListen. */
  async start(): Promise<Settings> {
    let settings: Settings;
    try {
      settings = await this.#adopt();
    } catch (error) {
      this.#claims.end();
      throw error;
    }
    const { listenings, missing } = this.#lookout!;
    const names = listenings.map((one) => one.interface).join(", ");
    if (names !== "") this.#log.note(`starting up, listening on ${names}`);
    if (names !== "") this.#log.say(`listening on ${names}...`);
    if (missing.length > 0) this.#log.info(`waiting for ${missing.join(", ")}`);
    return settings;
  }

  /** What systemd shows of us. */
  get status(): string {
    return this.#lookout!.status;
  }

  /** We ought to hear, and do not, somewhere. */
  get isDeaf(): boolean {
    return this.#lookout!.isDeaf;
  }

  /** Reads the config again; with an error in it the old one goes on. One at a time. */
  reload(): Promise<void> {
    this.#reloaded = this.#reloaded.then(async () => {
      const { flags, book } = this.#options;
      this.#log.info(`re-reading config file: ${flags.config}`);
      try {
        await this.#adopt();
      } catch (error) {
        if (!(error instanceof ConfigError || error instanceof CannotListen)) throw error;
        book.keep(this.#settings!); // whoever rotated the log waits for a new file, whatever the config is
        this.#log.error(error.message);
        this.#log.error("the old configuration goes on");
      }
    });
    return this.#reloaded;
  }

  /** Hears no more, runs what closes the doors, and resolves when that is done, or after `mostSeconds`. */
  async stop(mostSeconds: number): Promise<void> {
    this.#lookout?.close();
    clearTimeout(this.#expiryTimer);
    this.#tellHeldBack(Number.POSITIVE_INFINITY);
    this.#log.say("waiting for child processes...");
    await new Promise<void>((resolve) => {
      const limit = after(mostSeconds, () => {
        this.#log.warn(`a command has not ended after ${mostSeconds} seconds, and is left to itself`);
        resolve();
      });
      void this.#doorkeeper!.leave(this.#settings?.onExit).then(() => {
        limit.cancel();
        resolve();
      });
    });
    this.#ledger!.flush();
    this.#claims.end();
    this.#options.lookup?.flush();
    this.#log.say("closing...");
    this.#log.note("shutting down");
    this.#options.book.flush();
  }

  /** All that can fail comes before anything of the old is let go. */
  async #adopt(): Promise<Settings> {
    const { flags, book } = this.#options;
    const { config, listeners, warnings } = await this.#read();
    const settings = settle(flags, config.options);
    const old = this.#lookout;
    const words = this.#words(settings.interface);
    this.#claim(settings, words);
    const lookout = `${old?.words}` === `${words}` ? old! : this.#lookOut(words);
    let instructions: number;
    try {
      instructions = lookout.setDoors(listeners);
    } catch (error) {
      if (lookout !== old) lookout.close();
      throw error;
    }

    book.keep(settings);
    this.#settings = settings;
    this.#lookout = lookout;
    this.#listeners = listeners;
    this.#attempts.setDoors(listeners);
    for (const warning of [...config.warnings, ...warnings]) this.#log.warn(warning);
    for (const door of config.doors) this.#log.debug(`config: ${JSON.stringify(door)}`);
    for (const { own } of lookout.listenings) {
      for (const address of own.all) this.#log.debug(`local IP: ${formatAddress(address)}`);
    }
    this.#log.debug(`packet filter: ${instructions} instructions`);
    if (lookout !== old) {
      old?.close();
      lookout.start();
    }
    return settings;
  }

  /** What no other daemon may do beside us; and, at the start, the doors that an earlier life has left open. */
  #claim({ stateFile, pidFile }: Settings, words: readonly string[]): void {
    const { config, daemon } = this.#options.flags;
    const file = realPath(config);
    const path = stateFile ?? ledgerPath(file, words.join(","));
    try {
      this.#claims.takeInterfaces(file, words);
      if (this.#ledger === undefined) this.#claims.take(path, `with the ledger ${path}`);
      if (daemon) this.#claims.take(pidFile, `with the pid file ${pidFile}`);
    } catch (error) {
      if (error instanceof AlreadyRunning) throw new CannotListen(error.message);
      this.#log.note(`can't make sure that no other knockd runs: ${(error as Error).message}`);
    }
    if (this.#ledger !== undefined) return;
    this.#ledger = new Ledger(path, (why) => this.#log.error(why));
    this.#doorkeeper = new Doorkeeper({
      run,
      after,
      now: () => now() / 1000,
      ledger: this.#ledger,
      tell: {
        event: (knocker, line) => this.#tell(knocker, (who) => this.#log.info(line(who))),
        failure: (knocker, line) => this.#tell(knocker, (who) => this.#log.warn(line(who))),
      },
    });
    const left = [...this.#ledger.takeOver()];
    for (const orphan of this.#claims.orphans(file, path)) left.push(...this.#ledger.adopt(orphan));
    this.#doorkeeper.recover(left);
    const { size } = this.#doorkeeper;
    if (size > 0)
      this.#log.note(`${size} ${size === 1 ? "door was" : "doors were"} left open, and will be closed in time`);
  }

  /** Anew, when a one-time sequence was used while the targets were looked up: it must not count again. */
  async #read(): Promise<ResolvedDoors & { readonly config: Config }> {
    const { config: file, onlyIpv4 } = this.#options.flags;
    for (;;) {
      const before = this.#sequencesUsed;
      const config = readConfig(file);
      const resolved = await resolveTargets(config, onlyIpv4);
      if (before === this.#sequencesUsed) return { config, ...resolved };
    }
  }

  /** 0.8 does not start without eth0 when nobody has said another: nearly no machine has one by that name today. */
  #words(specification: string | undefined): readonly string[] {
    if (specification !== undefined) return interfaceWords(specification);
    if (this.#lookout !== undefined && this.#settings?.interface === undefined) return this.#lookout.words;
    if (native.snapshot(false).links.some(({ name }) => name === "eth0")) return ["eth0"];
    this.#log.info("there is no eth0, and no interface is set: listening at those of the default routes");
    return ["auto"];
  }

  #lookOut(words: readonly string[]): Lookout {
    const { onlyIpv4, wait } = this.#options.flags;
    return new Lookout({
      words,
      onlyIpv4,
      wait,
      now,
      onBatch: (listening, records, count, at) => this.#onBatch(listening, records, count, at),
      tell: {
        notice: (line) => this.#log.note(line),
        warn: (line) => this.#log.warn(line),
        error: (line) => this.#log.error(line),
      },
      onStatus: () => this.#options.onStatus(this.status),
    });
  }

  #onBatch(listening: Listening, records: Records, count: number, at: number): void {
    this.#at = listening;
    for (let i = 0; i < count; i++) {
      const packet = records.at(i);
      if (this.#lookout!.isEcho(packet)) continue;
      if (this.#options.flags.debug) this.#log.debug(packetLine(packet));
      this.#onEvents(this.#attempts.knock(packet, at), at);
    }
    this.#awaitExpiry();
  }

  #onEvents(events: readonly KnockEvent[], at: number): void {
    for (const event of events) {
      if (this.#options.book.tellsEvents) this.#tellEvent(event, at);
      if (event.type === "open") this.#open(event.door, event.knocker);
    }
  }

  #tellEvent(event: KnockEvent, at: number): void {
    this.#tellHeldBack(at);
    const verdict = this.#limit.judge(event, at);
    if (verdict === "hold") {
      this.#awaitHeldBack(at);
      return;
    }
    const { door, knocker } = event;
    const first: KnockEvent = { type: "stage", door, knocker, stage: 1 };
    if (verdict === "tell with Stage 1") this.#tell(knocker, (who) => this.#log.info(eventLine(first, who)));
    this.#tell(knocker, (who) => this.#log.info(eventLine(event, who)));
  }

  #tellHeldBack(at: number): void {
    if (this.#limit.due <= at) for (const line of this.#limit.summaries(at)) this.#log.info(line);
  }

  /** The second ends even when no further event comes. */
  #awaitHeldBack(at: number): void {
    this.#limitTimer ??= setTimeout(() => {
      this.#limitTimer = undefined;
      this.#tellHeldBack(now());
      if (this.#limit.due < Number.POSITIVE_INFINITY) this.#awaitHeldBack(now());
    }, this.#limit.due - at);
  }

  #open(door: Door, knocker: Address): void {
    if (door.oneTimeSequences !== undefined) this.#useUp(door, door.oneTimeSequences);
    this.#doorkeeper!.open(door, knocker);
  }

  /** Strikes out the sequence, on the disk before the command runs, and goes on with the next one, or without the door. */
  #useUp(door: Door, path: string): void {
    let next: Listener[] = [];
    this.#sequencesUsed++;
    try {
      strikeOut(path, door.sequence);
      const sequence = nextOneTime(path, (why) => this.#log.warn(`config: section ${door.name}: ${why}`));
      if (sequence === undefined) this.#log.info(noSequencesLeft(door.name));
      else next = [{ door: { ...door, sequence }, targets: undefined }];
    } catch (error) {
      // It would count again. The one who knocked comes in; the door is disabled, as it can't keep its promise.
      this.#log.error(notStruckOut(door, error as Error));
    }
    this.#listeners = this.#listeners.flatMap((listener) =>
      listener.door === door ? next.map((one) => ({ ...one, targets: listener.targets })) : [listener],
    );
    this.#attempts.setDoors(this.#listeners);
    try {
      this.#lookout!.setDoors(this.#listeners);
    } catch (error) {
      this.#log.error((error as Error).message); // the next sequence is not heard; all other doors are
    }
  }

  #tell(knocker: Address, line: (who: string) => void): void {
    if (this.#options.lookup !== undefined) this.#options.lookup.tell(knocker, line);
    else line(formatAddress(knocker));
  }

  /** One timer, for the attempt that expires first; none while there is no attempt. */
  #awaitExpiry(): void {
    const { deadline } = this.#attempts;
    if (deadline >= this.#expiryAt) return;
    clearTimeout(this.#expiryTimer);
    this.#expiryAt = deadline;
    this.#expiryTimer = setTimeout(() => this.#expire(), Math.max(EXPIRY_GRAIN_MS, Math.ceil(deadline - now())));
  }

  #expire(): void {
    this.#expiryAt = Number.POSITIVE_INFINITY;
    const at = now();
    for (let round = 0; round < MOST_EXPIRY_ROUNDS && this.#attempts.deadline <= at; round++) {
      this.#onEvents(this.#attempts.expire(at), at);
    }
    this.#awaitExpiry();
  }
}

/** The same file is the same config, by whatever path. */
function realPath(file: string): string {
  try {
    return fs.realpathSync(file);
  } catch {
    return file; // it has just been read, and is gone
  }
}
