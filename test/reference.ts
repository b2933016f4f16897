// The rules of knocking once more, as plainly as they can be said: arrays and objects, every attempt looked at every time.
// What attempts.ts does fast must be what this does. It also notices where a rule is at work that mends 0.8, so that
// Debian's knockd is held to it only up to there.

import type { Address } from "../src/address.ts";
import { formatAddress, sameAddress } from "../src/address.ts";
import type { Listener } from "../src/attempts/ears.ts";
import { type Packet, TCP } from "../src/attempts/packet.ts";
import { flagsMatch } from "../src/config/tcp-flags.ts";

interface Attempt {
  listener: Listener;
  ip: string;
  stage: number;
  startedAt: number;
}

export class Reference {
  readonly lines: string[] = [];
  /** The Mend that was first at work, and how many lines there were before. */
  mended: { by: string; lines: number } | undefined;
  readonly #listeners: readonly Listener[];
  readonly #isOurs: (address: Address) => boolean;
  readonly #attempts: Attempt[] = [];
  readonly #segments = new Map<string, number>();

  constructor(listeners: readonly Listener[], isOurs: (address: Address) => boolean) {
    this.#listeners = listeners;
    this.#isOurs = isOurs;
  }

  /** `now` in milliseconds. */
  knock(packet: Packet, now: number): void {
    this.expire(now);
    const ip = formatAddress(packet.source);
    const relevant = this.#listeners.some((listener) => this.#hears(listener, packet) && uses(listener, packet));
    if (!relevant) return;
    const segment = `${ip} ${packet.sourcePort} ${packet.port} ${packet.sequence} ${packet.flags}`;
    const sentBefore = this.#segments.get(segment);
    if (packet.protocol === TCP && sentBefore !== undefined && now - sentBefore <= 70_000) {
      this.#mend("3");
      return;
    }

    const mine = this.#attempts.filter((attempt) => attempt.ip === ip);
    mine.sort((a, b) => this.#listeners.indexOf(a.listener) - this.#listeners.indexOf(b.listener));
    let moved = false;
    let effect = false;
    for (const attempt of mine) {
      const { listener, stage } = attempt;
      if (!this.#hears(listener, packet)) continue;
      const { name, sequence } = listener.door;
      if (is(sequence[stage], packet)) {
        moved = effect = true;
        attempt.stage++;
        this.lines.push(`${ip}: ${name}: Stage ${attempt.stage}`);
        if (attempt.stage === sequence.length) {
          this.#end(attempt);
          this.lines.push(`${ip}: ${name}: OPEN SESAME`);
        }
      } else if (is(sequence[stage - 1], packet)) {
        this.#mend("17");
      } else {
        effect = true;
        this.#end(attempt);
      }
    }
    if (!moved) {
      for (const listener of this.#listeners) {
        const { name, sequence } = listener.door;
        const live = this.#attempts.some((attempt) => attempt.ip === ip && attempt.listener === listener);
        if (live || !this.#hears(listener, packet) || !is(sequence[0], packet)) continue;
        if (mine.length > 0) this.#mend("16");
        effect = true;
        this.lines.push(`${ip}: ${name}: Stage 1`);
        if (sequence.length === 1) this.lines.push(`${ip}: ${name}: OPEN SESAME`);
        else this.#attempts.push({ listener, ip, stage: 1, startedAt: now });
      }
    }
    if (effect) this.#segments.set(segment, now);
  }

  expire(now: number): void {
    for (const attempt of [...this.#attempts]) {
      const { door } = attempt.listener;
      if (now - attempt.startedAt < door.seqTimeout * 1000) continue;
      this.#end(attempt);
      this.lines.push(`${attempt.ip}: ${door.name}: sequence timeout (stage ${attempt.stage})`);
    }
  }

  #end(attempt: Attempt): void {
    this.#attempts.splice(this.#attempts.indexOf(attempt), 1);
    if (this.#attempts.some((other) => other.ip !== attempt.ip)) this.#mend("1");
    if (this.#attempts.some((other) => other.ip === attempt.ip)) this.#mend("2");
  }

  #hears({ door, targets }: Listener, packet: Packet): boolean {
    if (packet.protocol === TCP && !flagsMatch(door.tcpFlags, packet.flags)) return false;
    return targets?.some((target) => sameAddress(target, packet.destination)) ?? this.#isOurs(packet.destination);
  }

  #mend(by: string): void {
    this.mended ??= { by, lines: this.lines.length };
  }
}

function uses({ door }: Listener, packet: Packet): boolean {
  return door.sequence.some((knock) => is(knock, packet));
}

function is(knock: Listener["door"]["sequence"][number] | undefined, packet: Packet): boolean {
  return knock?.port === packet.port && (knock.protocol === "tcp") === (packet.protocol === TCP);
}
