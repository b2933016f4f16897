// The rules of knocking once more, as plainly as they can be said: arrays and objects, every attempt looked at every time.
// What attempts.ts does fast must be what this does. It also notices where a rule is at work that mends 0.8, so that
// Debian's knockd is held to it only up to there.

import type { Address } from "../src/address.ts";
import { formatAddress, sameAddress } from "../src/address.ts";
import type { Listener } from "../src/attempts/ears.ts";
import { type Packet, TCP } from "../src/attempts/packet.ts";
import type { Fate } from "../src/attempts/witness.ts";
import { flagsMatch } from "../src/config/tcp-flags.ts";
import { many } from "../src/plural.ts";

interface Attempt {
  listener: Listener;
  ip: string;
  stage: number;
  startedAt: number;
  /** TCP ports that its source has touched meanwhile and that are no knocks. */
  strays: Set<number>;
}

/** A TCP segment that made, moved or ended an attempt. */
interface Sent {
  ip: string;
  packet: Packet;
  /** When it came first, and when last. */
  first: number;
  last: number;
}

export interface World {
  readonly isOurs: (address: Address) => boolean;
  /** Is a packet that is no knock a scanner's? */
  readonly isStray: (packet: Packet) => boolean;
}

type Ending = "ban" | "cooldown";

export class Reference {
  readonly lines: string[] = [];
  /** What has become of each packet, as `ip door: fate stage detail`; a door that is no one's is `-`. */
  readonly fates: string[] = [];
  /** The rule that 0.8 does not have and that was first at work, and how many lines there were before. */
  mended: { by: string; lines: number } | undefined;
  /** All such rules, and how often: the Mends of 0.8, and `ban` and `cooldown` when they pass somebody over. */
  readonly atWork = new Map<string, number>();
  readonly #listeners: readonly Listener[];
  readonly #world: World;
  readonly #attempts: Attempt[] = [];
  readonly #sent: Sent[] = [];
  /** Openings that wait for what else their knocker does. */
  readonly #hasty: { attempt: Attempt; due: number }[] = [];
  /** Who is passed over at which door. */
  readonly #pauses: { why: Ending; listener: Listener; ip: string; until: number }[] = [];

  constructor(listeners: readonly Listener[], world: World) {
    this.#listeners = listeners;
    this.#world = world;
  }

  /** `now` in milliseconds. */
  knock(packet: Packet, now: number): void {
    this.expire(now);
    const ip = formatAddress(packet.source);
    const users = this.#listeners.filter((listener) => uses(listener, packet));
    if (users.length === 0) {
      this.#stray(packet, ip, now);
      return;
    }
    if (!users.some((listener) => this.#hears(listener, packet))) {
      this.#fate(ip, undefined, this.#whyNot(users, packet));
      return;
    }
    if (this.#isRetransmission(packet, ip, now)) {
      this.#mend("3");
      this.#fate(ip, undefined, "again");
      return;
    }

    const mine = this.#attempts.filter((attempt) => attempt.ip === ip);
    mine.sort((a, b) => this.#listeners.indexOf(a.listener) - this.#listeners.indexOf(b.listener));
    let moved = false;
    let effect = false;
    const movedNow: Listener[] = [];
    for (const attempt of mine) {
      const { listener, stage } = attempt;
      if (!this.#hears(listener, packet)) {
        this.#fate(ip, listener, this.#whyNot([listener], packet), stage);
        continue;
      }
      const { name, sequence } = listener.door;
      if (is(sequence[stage], packet)) {
        moved = effect = true;
        movedNow.push(listener);
        attempt.stage++;
        this.#fate(ip, listener, "stage", attempt.stage, now - attempt.startedAt);
        this.lines.push(`${ip}: ${name}: Stage ${attempt.stage}`);
        if (attempt.stage === sequence.length) {
          this.#end(attempt);
          const { maxStrays, strict } = listener.door.policy;
          const waits = this.#hasty.some((one) => one.attempt.ip === ip && one.attempt.listener === listener);
          const mayBeScan = (strict || maxStrays > 0) && now - attempt.startedAt < 25;
          if (mayBeScan && !waits) {
            this.#fate(ip, listener, "held", attempt.stage);
            this.#hasty.push({ attempt, due: now + 5 });
          } else this.#open(listener, ip, now);
        }
      } else if (is(sequence[stage - 1], packet)) {
        this.#mend("17");
        this.#fate(ip, listener, "twice", stage);
      } else {
        effect = true;
        this.#fate(ip, listener, "wrong", stage);
        this.#end(attempt);
      }
    }
    for (const listener of this.#listeners) {
      const { name, sequence } = listener.door;
      const live = this.#attempts.some((attempt) => attempt.ip === ip && attempt.listener === listener);
      if (live || movedNow.includes(listener) || !is(sequence[0], packet)) continue;
      if (!this.#hears(listener, packet)) {
        this.#fate(ip, listener, this.#whyNot([listener], packet));
        continue;
      }
      if (this.#isPaused(listener, ip, now)) continue;
      if (moved) {
        this.#fate(ip, listener, "taken");
        continue;
      }
      if (mine.length > 0) this.#mend("16");
      effect = true;
      this.#fate(ip, listener, "stage", 1);
      this.lines.push(`${ip}: ${name}: Stage 1`);
      if (sequence.length === 1) this.#open(listener, ip, now);
      else this.#attempts.push({ listener, ip, stage: 1, startedAt: now, strays: new Set() });
    }
    if (mine.length === 0 && !users.some(({ door }) => is(door.sequence[0], packet)))
      this.#fate(ip, undefined, "later");
    if (effect && hasEvidence(packet) && this.#sentBefore(packet, ip, now) === undefined) {
      this.#sent.push({ ip, packet, first: now, last: now });
    }
  }

  #sentBefore(packet: Packet, ip: string, now: number): Sent | undefined {
    return this.#sent.find((one) => one.ip === ip && now - one.last <= 70_000 && isEqual(one.packet, packet));
  }

  /** The same segment, sent again because no answer came: what equal knocks of hand-made packets are not. */
  #isRetransmission(packet: Packet, ip: string, now: number): boolean {
    const before = hasEvidence(packet) ? this.#sentBefore(packet, ip, now) : undefined;
    if (before === undefined) return false;
    // A system gives each connection its own source port and its own sequence number.
    const isHandMade = this.#sent.some(
      (one) =>
        one.ip === ip &&
        one !== before &&
        now - one.last <= 70_000 &&
        (one.packet.sourcePort === packet.sourcePort ||
          (one.packet.sequence === packet.sequence &&
            one.packet.port !== packet.port &&
            one.packet.flags === packet.flags)),
    );
    // It sends again after 1, 3, 7 … seconds, and never before half a second has passed.
    const pause = now - before.last;
    const isInTime = pause <= 4000 + 4 * (before.last - before.first);
    const isTooSoon = pause < 450;
    const isAwaited = this.#attempts.some((one) => one.ip === ip && is(one.listener.door.sequence[one.stage], packet));
    before.last = now;
    if (!isHandMade && isInTime && !(isTooSoon && isAwaited)) return true;
    before.first = now;
    return false;
  }

  expire(now: number): void {
    for (const waiting of this.#hasty.filter(({ due }) => due <= now)) {
      this.#hasty.splice(this.#hasty.indexOf(waiting), 1);
      this.#open(waiting.attempt.listener, waiting.attempt.ip, now);
    }
    for (const attempt of [...this.#attempts]) {
      const { door } = attempt.listener;
      const late = now - attempt.startedAt - door.seqTimeout * 1000;
      if (late < 0) continue;
      this.#fate(attempt.ip, attempt.listener, "timeout", attempt.stage, late);
      this.#end(attempt);
      this.lines.push(`${attempt.ip}: ${door.name}: sequence timeout (stage ${attempt.stage})`);
    }
  }

  #open(listener: Listener, ip: string, now: number): void {
    const { name, policy } = listener.door;
    this.#fate(ip, listener, "open", listener.door.sequence.length);
    this.lines.push(`${ip}: ${name}: OPEN SESAME`);
    this.#pauses.push({ why: "cooldown", listener, ip, until: now + policy.seqCooldown * 1000 });
  }

  /** A port that is no knock of any door. */
  #stray(packet: Packet, ip: string, now: number): void {
    if (!this.#world.isOurs(packet.destination)) {
      this.#fate(ip, undefined, "address");
      return;
    }
    const waiting = this.#hasty.map(({ attempt }) => attempt);
    const mine = [...this.#attempts, ...waiting].filter((one) => one.ip === ip);
    if (mine.length === 0) this.#fate(ip, undefined, "other");
    if (mine.length === 0 || !this.#world.isStray(packet)) return;
    let [ports, seconds] = [0, 0];
    for (const attempt of mine) {
      const { listener, strays } = attempt;
      const { maxStrays, strict, banTime } = listener.door.policy;
      if (packet.protocol === TCP) strays.add(packet.port);
      const isScan = strict || (packet.protocol === TCP && maxStrays > 0 && strays.size >= maxStrays);
      if (!isScan) continue;
      const at = waiting.indexOf(attempt);
      if (at < 0) this.#end(attempt);
      else
        this.#hasty.splice(
          this.#hasty.findIndex((one) => one.attempt === attempt),
          1,
        );
      this.#pauses.push({ why: "ban", listener, ip, until: now + banTime * 1000 });
      ports = Math.max(ports, packet.protocol === TCP ? strays.size : 1);
      seconds = Math.max(seconds, banTime);
    }
    this.#fate(ip, undefined, ports === 0 ? "stray" : "scan", 0, ports);
    if (ports === 0) return;
    this.#mend("7");
    this.lines.push(`${ip}: scan: ${many(ports, "other port")} touched, ignored for ${many(seconds, "second")}`);
  }

  #isPaused(listener: Listener, ip: string, now: number): boolean {
    const mine = this.#pauses.filter((one) => one.listener === listener && one.ip === ip && now < one.until);
    const bans = mine.filter(({ why }) => why === "ban");
    const pause = bans.at(-1) ?? mine.at(-1);
    if (pause === undefined) return false;
    this.#mend(pause.why);
    this.#fate(ip, listener, pause.why === "ban" ? "banned" : "cooldown", 0, pause.until - now);
    return true;
  }

  #end(attempt: Attempt): void {
    this.#attempts.splice(this.#attempts.indexOf(attempt), 1);
    if (this.#attempts.some((other) => other.ip !== attempt.ip)) this.#mend("1");
    if (this.#attempts.some((other) => other.ip === attempt.ip)) this.#mend("2");
  }

  #hears({ door, targets }: Listener, packet: Packet): boolean {
    if (packet.protocol === TCP && !flagsMatch(door.tcpFlags, packet.flags)) return false;
    return targets?.some((target) => sameAddress(target, packet.destination)) ?? this.#world.isOurs(packet.destination);
  }

  /** Why none of these hears it. */
  #whyNot(listeners: readonly Listener[], { destination }: Packet): Fate {
    const isThere = ({ targets }: Listener) =>
      targets?.some((target) => sameAddress(target, destination)) ?? this.#world.isOurs(destination);
    return listeners.some(isThere) ? "flags" : "address";
  }

  #fate(ip: string, listener: Listener | undefined, fate: Fate, stage = 0, detail = 0): void {
    this.fates.push(`${ip} ${listener?.door.name ?? "-"}: ${fate} ${stage} ${detail}`);
  }

  #mend(by: string): void {
    this.mended ??= { by, lines: this.lines.length };
    this.atWork.set(by, (this.atWork.get(by) ?? 0) + 1);
  }
}

function uses({ door }: Listener, packet: Packet): boolean {
  return door.sequence.some((knock) => is(knock, packet));
}

/** Hand-made headers have sequence number 0 by default, and UDP has none. */
function hasEvidence({ protocol, sequence }: Packet): boolean {
  return protocol === TCP && sequence !== 0;
}

function isEqual(a: Packet, b: Packet): boolean {
  return a.sourcePort === b.sourcePort && a.port === b.port && a.sequence === b.sequence && a.flags === b.flags;
}

function is(knock: Listener["door"]["sequence"][number] | undefined, packet: Packet): boolean {
  return knock?.port === packet.port && (knock.protocol === "tcp") === (packet.protocol === TCP);
}
