// Waits for the end of a trial, or ends it. Always reads the outcome from disk, because another process may have
// confirmed or rolled it back meanwhile.

import { existsSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { gateNow } from "../../setup/gate-now.ts";
import { NO_SYSTEMD, Refused, type Setup } from "../../setup/plan.ts";
import {
  confirm,
  doing,
  isUnderWay,
  lastOutcome,
  openings,
  portNow,
  rollBack,
  type Tried,
  tried,
} from "../../setup/trial.ts";
import { TRIAL } from "../../setup/trial-paths.ts";
import { Progress } from "../../terminal/progress.ts";
import { askYesNo } from "../../terminal/prompt.ts";
import { countdown, moreClients, portText, say, timeOf } from "./init-text.ts";

const LOOK_MS = 250;
const DRAW_MS = 100;
const HARDWARE_CLOCK = "/sys/class/rtc/rtc0";
const CODES_WAIT = "\nIt accepts codes one minute after that.";

/** Waits until the trial is confirmed or rolled back, here or elsewhere. */
export async function waitForOutcome(setup: Setup, endsAt: number, isInterrupted: () => boolean): Promise<boolean> {
  say(`\nWaiting for the knock.\nEverything is rolled back after ${timeOf(setup)}, or at once with Ctrl-C.`);
  while (isUnderWay()) {
    await waitForKnock(endsAt, isInterrupted);
    if (isInterrupted()) return undo();
    if (isUnderWay() && doing() === undefined) {
      const answer = await askToKeep(endsAt);
      if (answer !== "elsewhere") return answer ? keep(false) : undo();
    }
    await waitForOther(isInterrupted);
    if (isInterrupted()) return undo();
  }
  return tellOutcome(false);
}

async function waitForKnock(endsAt: number, isInterrupted: () => boolean): Promise<void> {
  const progress = new Progress();
  while (isUnderWay() && !isInterrupted() && !hasOpened() && doing() === undefined) {
    if (progress.isDue) progress.draw(undefined, `No knock yet; rollback in ${countdown(endsAt - Date.now())} `);
    await sleep(LOOK_MS);
  }
  progress.clear();
}

/** Undefined: Ctrl-C, or the terminal was closed. */
async function askToKeep(endsAt: number): Promise<boolean | undefined | "elsewhere"> {
  say(`The door opened to ${openings().knockers.at(-1)}. Log in from there now, in another terminal.`);
  const over = new AbortController();
  const watch = setInterval(() => (isUnderWay() && doing() === undefined) || over.abort(), LOOK_MS);
  try {
    const left = `rollback in ${countdown(endsAt - Date.now())}`;
    const answer = await askYesNo(`Did you get in? Keep this setup? (${left})`, false, over.signal);
    return over.signal.aborted ? "elsewhere" : answer;
  } finally {
    clearInterval(watch);
  }
}

/** Waits while another process confirms or rolls back. If its script is killed, the trial stays as it is. */
async function waitForOther(isInterrupted: () => boolean): Promise<void> {
  if (isUnderWay()) say(elsewhere());
  await showing(async () => {
    while (isUnderWay() && doing() !== undefined && !isInterrupted()) await sleep(DRAW_MS);
  });
}

function elsewhere(): string {
  return `Another process is ${doing() ?? "ending it"} …`;
}

export async function keep(persist: boolean): Promise<boolean> {
  const trial = isUnderWay() ? tried() : undefined;
  if (trial === undefined) return tellOutcome(persist);
  const { door, config, bySystemd } = trial;
  if (persist && !bySystemd) throw new Refused(`not confirmed yet: ${NO_SYSTEMD}`);
  if (!hasOpened()) {
    const why = openings().failures > 0 ? "its command failed (see the log)" : "no client has knocked";
    throw new Refused(`not confirmed: door ${door} has not opened yet: ${why}.\nKnock, then confirm again`);
  }
  say(`Confirming door ${door} …`);
  const outcome = await showing(() => confirm(persist));
  if (!outcome.done) throw new Refused(`not confirmed: ${outcome.why}${how(false)}`);
  say(`Confirmed: door ${door} stays, in ${config}.${how(true)}`);
  if (!bySystemd) say(`Now restart knockd with that config (service knockd restart).${trial.client ? CODES_WAIT : ""}`);
  sayNext(trial);
  return isKeptAtBoot(persist);
}

export async function undo(): Promise<boolean> {
  if (!isUnderWay()) {
    await rollBack("asked to"); // remove what is left of a trial that died before it was armed
    if (lastOutcome() === "confirmed") throw new Refused(`not rolled back: the setup is already confirmed${how(true)}`);
    say(`Nothing to roll back${lastOutcome() === undefined ? "" : `: ${lastOutcome()}`}.`);
    return true;
  }
  say(doing() === undefined ? "Rolling back …" : elsewhere());
  await showing(() => rollBack("asked to"));
  if (isUnderWay()) throw new Refused(`the rollback did not finish: run sh ${TRIAL}/rollback${how(false)}`);
  const outcome = lastOutcome();
  if (outcome === "confirmed") throw new Refused(`not rolled back: another process confirmed the setup${how(true)}`);
  if (outcome === undefined || !isAsItWas())
    throw new Refused(`rolled back, but not everything is as before${how(false)}`);
  say(`Rolled back: everything is as before.${how(false)}`);
  return true;
}

/** Reports how another process ended the trial. */
function tellOutcome(persist: boolean): boolean {
  const outcome = lastOutcome();
  if (outcome === "confirmed") {
    say(`The setup is confirmed.${how(true)}`);
    sayNext(tried());
    return isKeptAtBoot(persist);
  }
  throw new Refused(outcome === undefined ? "there is nothing to confirm" : `${outcome}${how(false)}`);
}

/** Another process may have confirmed first, but without --persist. */
function isKeptAtBoot(persist: boolean): boolean {
  const trial = tried();
  if (!persist || trial === undefined || portNow(trial, gateNow()).isPersistent) return true;
  throw new Refused(`the setup was confirmed without --persist: after a reboot TCP port ${trial.port} is open`);
}

/** Prints nothing for a door with a sequence. */
function sayNext(trial: Tried | undefined): void {
  if (trial?.client !== undefined) say(moreClients(trial, existsSync(HARDWARE_CLOCK)));
}

/** The current state of the port, on its own line. */
export function how(isConfirmed: boolean): string {
  const trial = tried();
  return trial === undefined ? "" : `\n${portText(trial, portNow(trial, gateNow()), isConfirmed)}`;
}

function isAsItWas(): boolean {
  const trial = tried();
  return trial === undefined || portNow(trial, gateNow()).isClosed === trial.wasClosed;
}

/** Shows on a terminal what the scripts are doing. */
export async function showing<T>(work: () => Promise<T>): Promise<T> {
  const [progress, began] = [new Progress(), performance.now()];
  const timer = setInterval(() => {
    if (!progress.isDue) return;
    progress.draw(undefined, `${doing() ?? "working"} … ${Math.floor((performance.now() - began) / 1000)} s `);
  }, DRAW_MS);
  try {
    return await work();
  } finally {
    clearInterval(timer);
    progress.clear();
  }
}

/** A command that failed has opened nothing. */
function hasOpened(): boolean {
  const { knockers, failures } = openings();
  return knockers.length > failures;
}
