// Every line that the daemon says of doors and knockers, in one place and in 0.8's words: people's log readers,
// fail2ban filters and how-tos look for them.

import type { KnockEvent } from "../attempts/event.ts";
import type { Door } from "../config/door.ts";
import { formatAddress } from "../net/address.ts";
import { type CapturedPacket, TCP } from "../net/packet.ts";
import { plural } from "../terminal/plural.ts";
import { printable } from "../terminal/printable.ts";
import type { HeldBack } from "./rate-limiter.ts";

/** `who` is the knocker's address, or with -l `address (name)`. */
export function eventLine(event: KnockEvent, who: string): string {
  const at = event.type === "scan" ? "" : `${who}: ${event.door.name}:`;
  switch (event.type) {
    case "stage":
      return `${at} Stage ${event.stage}`;
    case "open":
      return `${at} OPEN SESAME`;
    case "scan":
      return `${who}: scan: ${plural(event.ports, "other port")} touched, ignored for ${plural(event.seconds, "second")}`;
    case "timeout":
      return `${at} sequence timeout (stage ${event.stage})`;
  }
}

/** Of a siege no more is told. */
export function heldBack({ count, kind }: HeldBack): string {
  return `${plural(count, "similar line")} (${kind})`;
}

export function commandTimeout(who: string, door: string): string {
  return `${who}: ${door}: command timeout`;
}

/** Somebody has asked for it with knockctl. */
export function byHand(who: string, door: string, what: string): string {
  return `${who}: ${door}: ${what} by hand`;
}

export function runningCommand(door: string, command: string): string {
  return `${door}: running command: ${command}`;
}

export function commandFailed(door: string, status: number): string {
  return `${door}: command returned non-zero status code (${status})`;
}

/** What a failed command wrote on standard error, in one line, whatever it is. */
export function commandComplained(door: string, complaint: string): string {
  const text = printable(complaint.trim().replace(/\s*\n\s*/g, " | "));
  return `${door}: command said: ${text}`;
}

/** A flood of openings: `count` more since this was told last. Merged: their knockers wait in line already. */
export function tooManyWait(door: string, waiting: number, how: "merged" | "refused", count: number): string {
  return `${door}: ${waiting === 1 ? "1 command waits for its" : `${waiting} commands wait for their`} turn: ${count} more ${how}`;
}

export function openedOften(who: string, door: string, times: number): string {
  return `${who}: ${door}: opened ${plural(times, "time")}; further knocks extend its time`;
}

export function tooManyOpen(door: string, open: number, count: number): string {
  return `${door}: ${open} doors are open: ${count} more refused`;
}

export function stillRunning(door: string, seconds: number): string {
  return `${door}: command still running after ${plural(seconds, "second")}, ending it`;
}

/** It goes on, and nobody waits for it any more. */
export function takesLong(door: string, seconds: number): string {
  return `${door}: command still running after ${plural(seconds, "second")}`;
}

/** The system refused to start it: out of processes or memory, or the command is too long. */
export function couldNotRun(door: string, error: Error): string {
  return `${door}: could not run command: ${error.message}`;
}

/** What -D says of a packet. 0.8 prints the month one too low. */
export function packetLine(packet: CapturedPacket): string {
  const at = new Date(packet.time * 1000);
  const two = (n: number) => String(n).padStart(2, "0");
  const date = `${at.getFullYear()}-${two(at.getMonth() + 1)}-${two(at.getDate())}`;
  const time = `${two(at.getHours())}:${two(at.getMinutes())}:${two(at.getSeconds())}`;
  const from = `${formatAddress(packet.source)}:${packet.sourcePort}`;
  const to = `${formatAddress(packet.destination)}:${packet.port}`;
  return `${date} ${time}: ${packet.protocol === TCP ? "tcp" : "udp"}: ${from} -> ${to} ${packet.length} bytes`;
}

/** 0.8's words, when the last one-time sequence has been used and when there was none at the start. */
export function noSequencesLeft(name: string): string {
  return `no more sequences left in the one time sequences file for door ${name} --> disabling the door`;
}

export function notStruckOut(door: Door, error: Error): string {
  return `${door.name}: the one time sequence could not be struck out --> disabling the door: ${error.message}`;
}

/** At the end: what there was no time for. */
export function leftToNextStart(commands: number): string {
  return `${commands} stop ${commands === 1 ? "command has" : "commands have"} not run: the next start runs ${commands === 1 ? "it" : "them"}`;
}

/** At the start: what the one before us did not come to close. */
export function leftOpen(doors: number): string {
  return `${doors} ${doors === 1 ? "door was" : "doors were"} left open, and will be closed in time`;
}
