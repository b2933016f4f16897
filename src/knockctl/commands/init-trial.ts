// A trial from its begin to its end, for who waits for it at a terminal or ends it: each end is looked up, not believed,
// because somebody else may have ended it meanwhile.

import { setTimeout as sleep } from "node:timers/promises";
import { NO_SYSTEMD, Refused, type Setup } from "../../setup/plan.ts";
import { confirm, doing, isUnderWay, lastOutcome, openings, portNow, rollBack, tried } from "../../setup/trial.ts";
import { TRIAL } from "../../setup/trial-paths.ts";
import { Progress } from "../../terminal/progress.ts";
import { askYesNo } from "../../terminal/prompt.ts";
import { countdown, portText, say, timeOf } from "./init-text.ts";

const LOOK_MS = 250;
const DRAW_MS = 100;

/** Until it is confirmed or rolled back, here or elsewhere. */
export async function attend(setup: Setup, endsAt: number, isInterrupted: () => boolean): Promise<boolean> {
  say(`Waiting for the knock; after ${timeOf(setup)} all is rolled back. Ctrl-C rolls it back at once.`);
  while (isUnderWay()) {
    await untilSomething(endsAt, isInterrupted);
    if (isInterrupted()) return undo();
    if (isUnderWay() && doing() === undefined) {
      const does = await whetherItStays(endsAt);
      if (does !== "elsewhere") return does ? keep(false) : undo();
    }
    await endElsewhere(isInterrupted);
    if (isInterrupted()) return undo();
  }
  return tellOutcome(false);
}

async function untilSomething(endsAt: number, isInterrupted: () => boolean): Promise<void> {
  const progress = new Progress();
  while (isUnderWay() && !isInterrupted() && !hasOpened() && doing() === undefined) {
    if (progress.isDue)
      progress.draw(undefined, `Nobody has knocked yet; rollback in ${countdown(endsAt - Date.now())} `);
    await sleep(LOOK_MS);
  }
  progress.clear();
}

/** Undefined is Ctrl-C, or the end of the terminal. */
async function whetherItStays(endsAt: number): Promise<boolean | undefined | "elsewhere"> {
  say(`The door has opened to ${openings().knockers.at(-1)}. Log in from there now, in another terminal.`);
  const over = new AbortController();
  const watch = setInterval(() => (isUnderWay() && doing() === undefined) || over.abort(), LOOK_MS);
  try {
    const left = `rollback in ${countdown(endsAt - Date.now())}`;
    const does = await askYesNo(`Did you get in, and is it to stay so? (${left})`, false, over.signal);
    return over.signal.aborted ? "elsewhere" : does;
  } finally {
    clearInterval(watch);
  }
}

/** Somebody else confirms it, or rolls it back. A script that is killed leaves the trial as it is. */
async function endElsewhere(isInterrupted: () => boolean): Promise<void> {
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
    const why = openings().failures > 0 ? "its command failed, by the log" : "nobody has knocked at it";
    throw new Refused(`not confirmed: door ${door} has not opened since this began: ${why}. Knock, and confirm again`);
  }
  say(`Confirming door ${door} …`);
  const outcome = await showing(() => confirm(persist));
  if (!outcome.done) throw new Refused(`not confirmed: ${outcome.why}${how(false)}`);
  say(`Confirmed: door ${door} stays, in ${config}.${how(true)}`);
  if (!bySystemd) say("Restart knockd with that config now, as it is done here (service knockd restart).");
  return isKeptAtBoot(persist);
}

export async function undo(): Promise<boolean> {
  if (!isUnderWay()) {
    await rollBack("asked to"); // what an arming that broke off has left
    if (lastOutcome() === "confirmed") throw new Refused(`not rolled back: it is confirmed${how(true)}`);
    say(`Nothing to roll back${lastOutcome() === undefined ? "" : `: ${lastOutcome()}`}.`);
    return true;
  }
  say(doing() === undefined ? "Rolling back …" : elsewhere());
  await showing(() => rollBack("asked to"));
  if (isUnderWay()) throw new Refused(`the rollback has not ended: sh ${TRIAL}/rollback${how(false)}`);
  const outcome = lastOutcome();
  if (outcome === "confirmed") throw new Refused(`not rolled back: it has been confirmed meanwhile${how(true)}`);
  if (outcome === undefined || !isAsItWas()) throw new Refused(`rolled back, but not all is as it was${how(false)}`);
  say(`Rolled back: all is as it was.${how(false)}`);
  return true;
}

/** Somebody else has ended it. */
function tellOutcome(persist: boolean): boolean {
  const outcome = lastOutcome();
  if (outcome === "confirmed") {
    say(`It is confirmed.${how(true)}`);
    return isKeptAtBoot(persist);
  }
  throw new Refused(outcome === undefined ? "nothing waits to be confirmed" : `${outcome}${how(false)}`);
}

/** Another confirmation may have been the faster one, without --persist. */
function isKeptAtBoot(persist: boolean): boolean {
  const trial = tried();
  if (!persist || trial === undefined || portNow(trial).isPersistent) return true;
  throw new Refused(`it was confirmed without --persist: nothing closes TCP port ${trial.port} after a reboot`);
}

/** How the port is now, on the next line. */
export function how(isConfirmed: boolean): string {
  const trial = tried();
  return trial === undefined ? "" : `\n${portText(trial, portNow(trial), isConfirmed)}`;
}

function isAsItWas(): boolean {
  const trial = tried();
  return trial === undefined || portNow(trial).isClosed === trial.wasClosed;
}

/** What the scripts are doing, as they do it, in a terminal. */
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
