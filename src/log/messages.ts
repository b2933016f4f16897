// The text of every log line about doors and clients, in one place. The lines of 0.8 are the same to the letter, because log
// readers, fail2ban filters and how-tos search for them.

import type { CodeDecision, CodeRefusal } from "../events/code-decision.ts";
import type { DoorEvent, DoorNotice } from "../events/door-event.ts";
import type { KnockEvent } from "../events/knock-event.ts";
import { formatAddress } from "../net/address.ts";
import { type CapturedPacket, TCP } from "../net/packet.ts";
import { noSequencesLeft } from "../sequences/one-time-file.ts";
import { localTime } from "../terminal/format.ts";
import { plural } from "../terminal/plural.ts";
import { printable } from "../terminal/printable.ts";
import type { HeldBack } from "./rate-limiter.ts";

/** `who` is the client's address, or `address (name)` with -l. */
export function eventLine(event: KnockEvent, who: string): string {
  const at = event.type === "scan" ? "" : `${who}: ${event.door.name}:`;
  switch (event.type) {
    case "stage":
      return `${at} Stage ${event.stage}`;
    case "open":
      return `${at} OPEN SESAME`;
    case "scan":
      return `${who}: scan: ${plural(event.ports, "other port")} touched, ignored for ${plural(event.seconds, "second")}`;
    case "code":
      return `${at} ${codeText(event.decision)}${event.banSeconds === undefined ? "" : `, ignored for ${plural(event.banSeconds, "second")}`}`;
    case "timeout":
      return `${at} sequence timeout (stage ${event.stage})`;
  }
}

/** Firewall tools cannot use an address with an interface (`fe80::1%eth0`): nft refuses it, iptables ignores the interface. */
export function linkLocalLine(door: string, who: string): string {
  return `${who}: ${door}: link-local address: another host may have it on another interface`;
}

/** Shows no port and no digit of a code, because many people read logs. */
function codeText(decision: CodeDecision): string {
  const { client } = decision;
  switch (decision.result) {
    case "accepted":
      return `code of ${client} accepted`;
    case "first":
      return `code of ${client} is right, and the next one is needed too`;
    case "contested":
      return `code of ${client} is also claimed by ${decision.other}: refused`;
    case "replay":
      return `code of ${client} was already used${decision.other === undefined ? "" : ` by ${decision.other}`}: replay`;
    case "repeat":
      return `code of ${client} once more`;
    case "clock": {
      const { seconds } = decision;
      return `code of ${client} is ${duration(Math.abs(seconds))} ${seconds > 0 ? "old" : "ahead"}: check the clocks`;
    }
    case "refused":
      return `code of ${client} refused: ${REFUSALS[decision.why]}`;
    case "busy":
      return `code for ${client} not checked: too many codes at once`;
    case "wrong": {
      const { count, most } = decision;
      return `wrong code for ${client} (${count}${most > 0 ? ` of ${most}` : ""} today)`;
    }
  }
}

const REFUSALS = {
  from: "it came from another network than its client may use",
  hours: "its client may not knock at this hour",
  expires: "its client has expired",
  ahead: "a later one was used while a clock was ahead",
  recent: "which codes of this minute have been used is not known",
  list: "which codes of the list have been used is not known",
} as const satisfies Record<CodeRefusal, string>;

/** `30 s`, `2 min`, `9 min 30 s`. */
function duration(seconds: number): string {
  const [minutes, rest] = [Math.floor(seconds / 60), seconds % 60];
  return [minutes > 0 ? [`${minutes} min`] : [], rest > 0 ? [`${rest} s`] : []].flat().join(" ");
}

/** The line that replaces those that the rate limiter held back. */
export function heldBack({ count, kind }: HeldBack): string {
  return `${plural(count, "similar line")} not logged (${kind})`;
}

/** The line of an event of an open door. `who` as in `eventLine`. */
export function doorEventLine(event: Exclude<DoorEvent, { type: "command ended" }>, who: string): string {
  const { door } = event;
  switch (event.type) {
    case "command started":
      return `${door}: running command: ${event.command}`;
    case "command not started":
      return `${door}: could not run command: ${event.reason}`;
    case "command failed":
      return `${door}: command returned non-zero status code (${event.status})`;
    case "command stderr": // always one line
      return `${door}: command said: ${printable(event.text.trim().replace(/\s*\n\s*/g, " | "))}`;
    case "command takes long":
      return `${door}: command still running after ${plural(event.seconds, "second")}`;
    case "command killed":
      return `${door}: command still running after ${plural(event.seconds, "second")}, killing it`;
    case "closing":
      return `${who}: ${door}: command timeout`;
    case "opened":
      return `${who}: ${door}: opened ${event.ports} ${forTime(event.seconds)}`;
    case "extended":
      return `${who}: ${door}: extended ${event.ports} ${forTime(event.seconds)}`;
    case "not opened":
      return `${who}: ${door}: could not open ${event.ports}: ${event.reason}`;
    case "closed":
      return `${who}: ${door}: closed`;
    case "opened by hand":
    case "closed by hand":
      return `${who}: ${door}: ${event.type}`;
    case "extended by hand":
      return `${who}: ${door}: extended by ${plural(event.seconds, "second")} by hand`;
    case "opened often":
      return `${who}: ${door}: opened ${plural(event.times, "time")}; further knocks only extend the time`;
    case "full":
      return `${door}: ${event.open} doors are open: ${plural(event.count, "more opening")} refused`;
    case "merged":
    case "refused": {
      const waiting = event.waiting === 1 ? "1 command is" : `${event.waiting} commands are`;
      return `${door}: ${waiting} waiting: ${plural(event.count, "more opening")} ${event.type}`;
    }
  }
}

function forTime(seconds: number | undefined): string {
  return seconds === undefined ? "until it is closed" : `for ${plural(seconds, "second")}`;
}

/** The line of an event that belongs to no single client. */
export function noticeLine(notice: DoorNotice): string {
  switch (notice.type) {
    case "code not kept":
      return `${notice.door}: code of ${notice.client} refused: cannot record that it was used`;
    case "clients trouble":
      return notice.reason;
    case "left open":
      return `${notice.doors} ${notice.doors === 1 ? "door is" : "doors are"} still open from an earlier run and will close on time`;
    case "left to next start": {
      const one = notice.commands === 1;
      return `${notice.commands} stop ${one ? "command has" : "commands have"} not run: the next start runs ${one ? "it" : "them"}`;
    }
    case "command abandoned": {
      const { idleSeconds } = notice;
      const what =
        idleSeconds === undefined ? "is still running" : `has not ended after ${plural(idleSeconds, "second")}`;
      return `a command ${what}: knockd exits without it`;
    }
    case "ledger trouble":
      return notice.reason;
    case "firewall rebuilt":
      return `firewall: the table was removed: rebuilt, with ${plural(notice.open, "open door")}`;
    case "gate opened":
      return "the gate was opened by hand: everyone may come in";
    case "gate closed":
      return "the gate was closed by hand";
    case "firewall not closed":
      return `open doors could not be closed: ${notice.reason}`;
    case "firewall gone":
      return `firewall: the table was removed and cannot be rebuilt: ${notice.reason}`;
    case "gate not recorded":
      return `firewall: cannot record which ports are closed: ${notice.reason}: if the config is lost, the next boot leaves them open`;
    case "old table stays":
      return `firewall: the table of an earlier knockd cannot be removed: ${notice.reason}`;
    case "gate kept":
      return "firewall: the config is an empty file: ports that were closed stay closed. To open them: knockctl gate open";
    case "no locks":
      return `cannot check whether another knockd is running: ${notice.reason}`;
    case "sequences used up":
      return noSequencesLeft(notice.door);
    case "sequences file warning":
      return `config: section ${notice.door}: ${notice.reason}`;
    case "use not on disk":
      return `${notice.path}: a used sequence may be accepted again after a power cut: ${notice.reason}`;
    case "not struck out":
      return `${notice.door}: could not mark the one time sequence as used --> disabling the door: ${notice.reason}`;
  }
}

/** The line of -D for a packet. In 0.8 the month is one too low. */
export function packetLine(packet: CapturedPacket): string {
  const time = localTime(new Date(packet.time * 1000));
  const from = `${formatAddress(packet.source)}:${packet.sourcePort}`;
  const to = `${formatAddress(packet.destination)}:${packet.port}`;
  return `${time}: ${packet.protocol === TCP ? "tcp" : "udp"}: ${from} -> ${to} ${packet.length} bytes`;
}
