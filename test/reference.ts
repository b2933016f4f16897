// The rules of knocking in their simplest form: arrays and objects, and every attempt is examined every time.
// attempts.ts must do the same, faster. The reference also notices when a rule takes effect that corrects 0.8, so that
// Debian's knockd is compared only up to there.

import { strayBit } from "../src/attempts/stray-ports.ts";
import type { ResolvedDoor } from "../src/config/resolved-door.ts";
import type { VerdictKind } from "../src/events/observer.ts";
import type { Address } from "../src/net/address.ts";
import { formatAddress, isIpv4, sameAddress } from "../src/net/address.ts";
import { knockKey } from "../src/net/knock-key.ts";
import { type Packet, TCP } from "../src/net/packet.ts";
import { flagsMatch } from "../src/net/tcp-flags.ts";
import { plural } from "../src/terminal/plural.ts";

interface Attempt {
  resolvedDoor: ResolvedDoor;
  ip: string;
  stage: number;
  startedAt: number;
  /** The address of its first knock. */
  ttl: number;
  /** Did a later knock come from another address? */
  isMixed: boolean;
  /** Did it begin while its source was banned? */
  isSilent: boolean;
  /**
   * The ports without a knock that its source has tried meanwhile, from the hop distance of the first knock, and from
   * any.
   */
  near: Set<number>;
  anywhere: Set<number>;
}

/** A TCP segment that began, advanced or ended an attempt. */
interface Sent {
  ip: string;
  packet: Packet;
  /** When it came first, and when last. */
  first: number;
  last: number;
}

export interface World {
  readonly isOurs: (address: Address) => boolean;
  /** Can a packet from this address be a client's? */
  readonly isClient?: (source: Address) => boolean;
  /** Can a packet that is not a knock be a scanner's? */
  readonly isStray: (packet: Packet) => boolean;
  /** Can a segment be the answer to a connection of this host? */
  readonly isAnswer?: (packet: Packet) => boolean;
}

/** The key of the hash of the ports. */
export const HASH_KEY = [1, 2] as const;

type Ending = "ban" | "cooldown";

export class Reference {
  readonly lines: string[] = [];
  /** What happened to each packet, as `ip door: kind stage detail`. `-` if it belongs to no door. */
  readonly kinds: string[] = [];
  /** The first rule that took effect and that 0.8 does not have, and the number of lines before that. */
  mended: { by: string; lines: number } | undefined;
  /** All such rules, and how often: the Mends of 0.8, and `ban` and `cooldown` when they ignore a source. */
  readonly atWork = new Map<string, number>();
  readonly #resolvedDoors: readonly ResolvedDoor[];
  readonly #world: World;
  readonly #attempts: Attempt[] = [];
  readonly #sent: Sent[] = [];
  /** Openings that wait for what else their client does. */
  readonly #hasty: { attempt: Attempt; due: number }[] = [];
  /** The sources that each door ignores. For a ban: has the one more try been used? */
  readonly #pauses: { why: Ending; resolvedDoor: ResolvedDoor; ip: string; until: number; isTried: boolean }[] = [];

  constructor(resolvedDoors: readonly ResolvedDoor[], world: World) {
    this.#resolvedDoors = resolvedDoors;
    this.#world = world;
  }

  /** `now` in milliseconds. */
  knock(packet: Packet, now: number): void {
    this.expire(now);
    const ip = formatAddress(packet.source);
    // No accepted packet has such an address: it is forged, or this host's own.
    if (!(this.#world.isClient ?? isOfHost)(packet.source)) return;
    const users = this.#resolvedDoors.filter((resolvedDoor) => uses(resolvedDoor, packet));
    const isAnswer = this.#world.isAnswer?.(packet) ?? false;
    if (isAnswer || !users.some((resolvedDoor) => this.#accepts(resolvedDoor, packet))) {
      this.#noKnock(packet, ip, users, now);
      return;
    }
    if (this.#isRetransmission(packet, ip, now)) {
      this.#mend("3");
      this.#note(ip, undefined, "again");
      return;
    }

    const mine = this.#attempts.filter((attempt) => attempt.ip === ip);
    mine.sort((a, b) => this.#resolvedDoors.indexOf(a.resolvedDoor) - this.#resolvedDoors.indexOf(b.resolvedDoor));
    let moved = false;
    let effect = false;
    const movedNow: ResolvedDoor[] = [];
    for (const attempt of mine) {
      const { resolvedDoor, stage } = attempt;
      if (!this.#accepts(resolvedDoor, packet)) {
        this.#note(ip, resolvedDoor, this.#whyNot([resolvedDoor], packet), stage);
        continue;
      }
      const { name, sequence } = resolvedDoor.door;
      if (is(sequence[stage], packet)) {
        effect = true;
        movedNow.push(resolvedDoor);
        attempt.isMixed ||= Math.abs(packet.ttl - attempt.ttl) > 1;
        if (attempt.isMixed && attempt.anywhere.size > attempt.near.size) this.#mend("knock from elsewhere");
        const scan = this.#scan([attempt], now);
        if (scan !== undefined) {
          this.#note(ip, undefined, "scan", 0, scan.ports);
          continue;
        }
        moved = true;
        attempt.stage++;
        const isLast = attempt.stage === sequence.length;
        this.#note(ip, resolvedDoor, "stage", attempt.stage, now - attempt.startedAt);
        if (isLast || !attempt.isSilent) this.lines.push(`${ip}: ${name}: Stage ${attempt.stage}`);
        if (isLast && attempt.isSilent) {
          this.#mend("one more try");
          this.#endPauses("ban", resolvedDoor, ip);
        }
        if (attempt.stage === sequence.length) {
          this.#end(attempt);
          const { maxStrays, strict } = resolvedDoor.door.policy;
          const waits = this.#hasty.some((one) => one.attempt.ip === ip && one.attempt.resolvedDoor === resolvedDoor);
          const mayBeScan = (strict || maxStrays > 0) && now - attempt.startedAt < 25;
          if (mayBeScan && !waits) {
            this.#note(ip, resolvedDoor, "held", attempt.stage);
            this.#hasty.push({ attempt, due: now + 5 });
          } else this.#open(resolvedDoor, ip, now);
        }
      } else if (
        stage === 1 &&
        is(sequence[0], packet) &&
        attempt.isSilent &&
        !this.#pause("ban", resolvedDoor, ip, now)
      ) {
        this.#end(attempt);
      } else if (is(sequence[stage - 1], packet)) {
        this.#mend("17");
        this.#note(ip, resolvedDoor, "twice", stage);
      } else {
        effect = true;
        this.#note(ip, resolvedDoor, "wrong", stage);
        this.#end(attempt);
      }
    }
    for (const resolvedDoor of this.#resolvedDoors) {
      const { name, sequence } = resolvedDoor.door;
      const live = this.#attempts.some((attempt) => attempt.ip === ip && attempt.resolvedDoor === resolvedDoor);
      if (live || movedNow.includes(resolvedDoor) || !is(sequence[0], packet)) continue;
      if (!this.#accepts(resolvedDoor, packet)) {
        this.#note(ip, resolvedDoor, this.#whyNot([resolvedDoor], packet));
        continue;
      }
      if (this.#isPaused(resolvedDoor, ip, now)) continue;
      const ban = this.#pause("ban", resolvedDoor, ip, now);
      if (moved) {
        this.#note(ip, resolvedDoor, "taken");
        continue;
      }
      if (mine.length > 0) this.#mend("16");
      effect = true;
      this.#note(ip, resolvedDoor, "stage", 1);
      if (ban !== undefined) ban.isTried = true;
      else this.lines.push(`${ip}: ${name}: Stage 1`);
      if (sequence.length === 1) this.#open(resolvedDoor, ip, now);
      else {
        const none = { near: new Set<number>(), anywhere: new Set<number>() };
        const { ttl } = packet;
        const isSilent = ban !== undefined;
        this.#attempts.push({ resolvedDoor, ip, stage: 1, startedAt: now, ttl, isMixed: false, isSilent, ...none });
      }
    }
    if (mine.length === 0 && !users.some(({ door }) => is(door.sequence[0], packet)))
      this.#note(ip, undefined, "later");
    if (effect && hasEvidence(packet) && this.#sentBefore(packet, ip, now) === undefined) {
      this.#sent.push({ ip, packet, first: now, last: now });
    }
  }

  #sentBefore(packet: Packet, ip: string, now: number): Sent | undefined {
    return this.#sent.find((one) => one.ip === ip && now - one.last <= 70_000 && isEqual(one.packet, packet));
  }

  /** The same segment, retransmitted because no answer came. Equal hand-made knocks are not retransmissions. */
  #isRetransmission(packet: Packet, ip: string, now: number): boolean {
    const before = hasEvidence(packet) ? this.#sentBefore(packet, ip, now) : undefined;
    if (before === undefined) return false;
    // A system gives each connection a new source port and a new sequence number.
    const isHandMade = this.#sent.some(
      (one) =>
        one.ip === ip &&
        one !== before &&
        now - one.last <= 70_000 &&
        (one.packet.sourcePort === packet.sourcePort ||
          (one.packet.sequence === packet.sequence && one.packet.port !== packet.port)),
    );
    // A system retransmits after 1, 3, 7 … seconds, and never within half a second.
    const pause = now - before.last;
    const isInTime = pause <= 4000 + 4 * (before.last - before.first);
    const isTooSoon = pause < 450;
    const isAwaited = this.#attempts.some(
      (one) => one.ip === ip && is(one.resolvedDoor.door.sequence[one.stage], packet),
    );
    before.last = now;
    if (!isHandMade && isInTime && !(isTooSoon && isAwaited)) return true;
    before.first = now;
    return false;
  }

  expire(now: number): void {
    for (const waiting of this.#hasty.filter(({ due }) => due <= now)) {
      this.#hasty.splice(this.#hasty.indexOf(waiting), 1);
      this.#open(waiting.attempt.resolvedDoor, waiting.attempt.ip, now);
    }
    for (const attempt of [...this.#attempts]) {
      const { door } = attempt.resolvedDoor;
      const late = now - attempt.startedAt - door.seqTimeout * 1000;
      if (late < 0) continue;
      this.#note(attempt.ip, attempt.resolvedDoor, "timeout", attempt.stage, late);
      this.#end(attempt);
      if (attempt.isSilent) continue;
      this.lines.push(`${attempt.ip}: ${door.name}: sequence timeout (stage ${attempt.stage})`);
    }
  }

  #open(resolvedDoor: ResolvedDoor, ip: string, now: number): void {
    const { name, policy } = resolvedDoor.door;
    this.#note(ip, resolvedDoor, "open", resolvedDoor.door.sequence.length);
    this.lines.push(`${ip}: ${name}: OPEN SESAME`);
    this.#pauses.push({ why: "cooldown", resolvedDoor, ip, until: now + policy.seqCooldown * 1000, isTried: false });
  }

  /** A packet that is no knock of any door, or that none of the port's doors accepts. */
  #noKnock(packet: Packet, ip: string, users: readonly ResolvedDoor[], now: number): void {
    const mine = [...this.#attempts, ...this.#hasty.map(({ attempt }) => attempt)].filter(
      ({ ip: other, resolvedDoor }) => other === ip && this.#minds(resolvedDoor, packet),
    );
    if (mine.length === 0 || !this.#world.isStray(packet)) {
      if (mine.length === 0 || users.length > 0) this.#note(ip, undefined, this.#whyNoKnock(users, packet));
      return;
    }
    for (const attempt of mine) {
      const bit = strayBit(HASH_KEY, knockKey(packet.protocol, packet.port));
      attempt.anywhere.add(bit);
      if (Math.abs(packet.ttl - attempt.ttl) <= 1) attempt.near.add(bit);
      else this.#mend("stray from elsewhere");
    }
    const scan = this.#scan(mine, now);
    const stray = users.length > 0 ? this.#whyNoKnock(users, packet) : "stray";
    this.#note(ip, undefined, scan === undefined ? stray : "scan", 0, scan?.ports);
  }

  /** Would the door accept it as a knock, were it at one of its ports? */
  #minds(resolvedDoor: ResolvedDoor, packet: Packet): boolean {
    const protocol = packet.protocol === TCP ? "tcp" : "udp";
    return (
      resolvedDoor.door.sequence.some((knock) => knock.protocol === protocol) && this.#accepts(resolvedDoor, packet)
    );
  }

  #whyNoKnock(users: readonly ResolvedDoor[], packet: Packet): VerdictKind {
    if (users.length === 0) return this.#world.isOurs(packet.destination) ? "other" : "address";
    return this.#world.isAnswer?.(packet) ? "answer" : this.#whyNot(users, packet);
  }

  /** The attempts of a source whose strays are too many are void. One line reports them. */
  #scan(attempts: readonly Attempt[], now: number): { ports: number } | undefined {
    let [ports, seconds] = [0, -1];
    for (const attempt of attempts) {
      const { resolvedDoor, ip } = attempt;
      const { maxStrays, strict, banTime } = resolvedDoor.door.policy;
      const limit = strict ? 1 : maxStrays;
      const { size } = attempt.isMixed ? attempt.anywhere : attempt.near;
      if (limit === 0 || size < limit) continue;
      const waiting = this.#hasty.findIndex((one) => one.attempt === attempt);
      if (waiting < 0) this.#end(attempt);
      else this.#hasty.splice(waiting, 1);
      this.#endPauses("ban", resolvedDoor, ip);
      const isTried = attempt.isSilent;
      this.#pauses.push({ why: "ban", resolvedDoor, ip, until: now + banTime * 1000, isTried });
      ports = Math.max(ports, size);
      if (!attempt.isSilent) seconds = Math.max(seconds, banTime);
    }
    if (ports === 0) return undefined;
    this.#mend("7");
    if (seconds < 0) return { ports };
    const line = `scan: ${plural(ports, "other port")} touched, ignored for ${plural(seconds, "second")}`;
    this.lines.push(`${attempts[0]!.ip}: ${line}`);
    return { ports };
  }

  #pause(why: Ending, resolvedDoor: ResolvedDoor, ip: string, now: number) {
    return this.#pauses
      .filter((one) => one.why === why && one.resolvedDoor === resolvedDoor && one.ip === ip && now < one.until)
      .at(-1);
  }

  #endPauses(why: Ending, resolvedDoor: ResolvedDoor, ip: string): void {
    for (const one of this.#pauses)
      if (one.why === why && one.resolvedDoor === resolvedDoor && one.ip === ip) one.until = 0;
  }

  #isPaused(resolvedDoor: ResolvedDoor, ip: string, now: number): boolean {
    const ban = this.#pause("ban", resolvedDoor, ip, now);
    const pause = ban?.isTried ? ban : this.#pause("cooldown", resolvedDoor, ip, now);
    if (pause === undefined) return false;
    this.#mend(pause.why);
    this.#note(ip, resolvedDoor, pause.why === "ban" ? "banned" : "cooldown", 0, pause.until - now);
    return true;
  }

  #end(attempt: Attempt): void {
    this.#attempts.splice(this.#attempts.indexOf(attempt), 1);
    if (this.#attempts.some((other) => other.ip !== attempt.ip)) this.#mend("1");
    if (this.#attempts.some((other) => other.ip === attempt.ip)) this.#mend("2");
  }

  #accepts({ door, targets }: ResolvedDoor, packet: Packet): boolean {
    if (packet.protocol === TCP && !flagsMatch(door.tcpFlags, packet.flags)) return false;
    return targets?.some((target) => sameAddress(target, packet.destination)) ?? this.#world.isOurs(packet.destination);
  }

  /** Why none of these doors accepts it. */
  #whyNot(resolvedDoors: readonly ResolvedDoor[], { destination }: Packet): VerdictKind {
    const isThere = ({ targets }: ResolvedDoor) =>
      targets?.some((target) => sameAddress(target, destination)) ?? this.#world.isOurs(destination);
    return resolvedDoors.some(isThere) ? "flags" : "address";
  }

  #note(ip: string, resolvedDoor: ResolvedDoor | undefined, kind: VerdictKind, stage = 0, detail = 0): void {
    this.kinds.push(`${ip} ${resolvedDoor?.door.name ?? "-"}: ${kind} ${stage} ${detail}`);
  }

  #mend(by: string): void {
    this.mended ??= { by, lines: this.lines.length };
    this.atWork.set(by, (this.atWork.get(by) ?? 0) + 1);
  }
}

function uses({ door }: ResolvedDoor, packet: Packet): boolean {
  return door.sequence.some((knock) => is(knock, packet));
}

function isOfHost(source: Address): boolean {
  const text = formatAddress(source);
  if (isIpv4(source)) return !/^(0|127|22[4-9]|23\d)\.|^255\.255\.255\.255$/.test(text);
  return !text.startsWith("ff") && (source.w0 !== 0 || source.w1 !== 0);
}

/** Hand-made headers have sequence number 0 by default, and UDP has none. */
function hasEvidence({ protocol, sequence }: Packet): boolean {
  return protocol === TCP && sequence !== 0;
}

function isEqual(a: Packet, b: Packet): boolean {
  return a.sourcePort === b.sourcePort && a.port === b.port && a.sequence === b.sequence && a.flags === b.flags;
}

function is(knock: ResolvedDoor["door"]["sequence"][number] | undefined, packet: Packet): boolean {
  return knock?.port === packet.port && (knock.protocol === "tcp") === (packet.protocol === TCP);
}
