// The trial: from the first change until it is confirmed or rolled back. Only its scripts (trial-scripts.ts) change anything,
// because the process that calls them may die at any moment.

import { spawn } from "node:child_process";
import * as fs from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { systemErrorText } from "../platform/system-error.ts";
import { unitOf, WANTS } from "./boot-unit.ts";
import { type FirewallKind, PATH } from "./firewall.ts";
import { firewallTools } from "./firewall-tools.ts";
import { type GateNow, isGuarded } from "./gate-now.ts";
import { look, Refused, type Setup } from "./plan.ts";
import { DAEMON_LOG, DOING, LAST, LOCK, TRIAL, TRIED } from "./trial-paths.ts";
import { armCommand, armedCommand, BUSY, NOT_MINE, scriptCommand, trialFiles } from "./trial-scripts.ts";

const ARMED_MS = 5000;
/** No script of a trial takes longer. */
const LONGEST_MS = 180_000;

export type Outcome = { readonly done: true } | { readonly done: false; readonly why: string };

/** Is a trial under way? */
export function isUnderWay(): boolean {
  return fs.existsSync(`${TRIAL}/id`);
}

/** How the last trial ended: `confirmed` or `rolled back: ...`. Undefined if there was none since the boot. */
export function lastOutcome(): string | undefined {
  return read(LAST)?.trim() || undefined;
}

/** What a trial is about. */
export interface Tried {
  readonly door: string;
  readonly config: string;
  /** Does systemd run knockd? */
  readonly bySystemd: boolean;
  readonly port: number;
  /** The client whose codes open the door. Undefined if the door has a sequence. */
  readonly client?: string | undefined;
  readonly kind: FirewallKind;
  /** Was the port closed before the trial? */
  readonly wasClosed: boolean;
}

/** The current trial, or the last one. Undefined if there was none since the boot. */
export function tried(): Tried | undefined {
  const text = read(TRIED);
  return text ? JSON.parse(text) : undefined;
}

/** What a script of the trial is doing now. Undefined if none is running. */
export function doing(): string | undefined {
  const [, pid, what] = /^(\d+) (.+)\n$/.exec(read(DOING) ?? "") ?? [];
  return pid !== undefined && fs.existsSync(`/proc/${pid}`) ? what : undefined;
}

/** The state of the port now. */
export interface PortNow {
  /** Undefined if the firewall cannot be asked. */
  readonly isClosed: boolean | undefined;
  /** Is it closed at each boot? */
  readonly isPersistent: boolean;
}

/** `table`: knockd's table in the kernel. */
export function portNow({ kind, port }: Pick<Tried, "kind" | "port">, table: GateNow | undefined): PortNow {
  const link = `${WANTS}/${unitOf(kind)}`;
  return {
    isClosed: kind === "gate" ? isGuarded(table, port) : isRefused(port),
    isPersistent: fs.lstatSync(link, { throwIfNoEntry: false }) !== undefined,
  };
}

/** Does the existing firewall, which accepts the mark, refuse the port? */
function isRefused(port: number): boolean | undefined {
  const { verdict } = firewallTools({ protocol: "tcp", port }, look);
  return verdict === undefined ? undefined : !verdict.accepts;
}

/** Throws Refused if a trial is under way. */
export function refuseASecond(): void {
  if (!isUnderWay()) return;
  throw new Refused("another setup is waiting: run knockctl init --confirm or knockctl init --rollback");
}

/**
 * Writes everything that confirming and rolling back need, and arms the rollback. Changes nothing else yet. Throws Refused.
 * `knockctl` is the command that runs this program.
 */
export async function arm(setup: Setup, knockctl: readonly string[]): Promise<void> {
  const release = await holdAlone();
  try {
    refuseASecond();
    try {
      fs.rmSync(TRIAL, { recursive: true, force: true }); // left by a trial that was killed before it was armed
      fs.rmSync(LAST, { force: true });
      fs.mkdirSync(TRIAL, { mode: 0o700 });
      fs.writeFileSync(LOCK, "", { mode: 0o600 });
      fs.writeFileSync(TRIED, `${JSON.stringify(triedOf(setup))}\n`, { mode: 0o600 });
      for (const [name, text] of Object.entries(trialFiles(setup, knockctl))) writeTrial(name, text);
    } catch (error) {
      throw new Refused(`nothing has changed: ${TRIAL} cannot be written: ${systemErrorText(error)}`);
    }
    const { status, stderr } = await run(armCommand(setup));
    if (status !== 0 || !(await isArmed(setup))) {
      throw new Refused(
        `nothing has changed: the rollback could not be scheduled: ${stderr.trim() || `status ${status}`}`,
      );
    }
    writeTrial("id", setup.id); // from now on a trial is under way, and the rollback will end it
  } finally {
    release();
  }
}

/** Makes the changes. If that fails, rolls them back at once. */
export async function begin(): Promise<Outcome> {
  const { status, stderr } = await run(scriptCommand("begin"));
  if (status === 0) return { done: true };
  const why = status === NOT_MINE ? "the time ran out before it began" : stderr.trim() || `status ${status}`;
  await rollBack(why.split("\n")[0]!);
  return { done: false, why };
}

/** Makes the changes permanent. If that fails, rolls everything back. */
export async function confirm(persist: boolean): Promise<Outcome> {
  try {
    if (persist && isUnderWay()) writeTrial("persist", "");
  } catch (error) {
    if (isUnderWay()) throw new Refused(`not confirmed yet: ${TRIAL} cannot be written: ${systemErrorText(error)}`);
  }
  let end = await run(scriptCommand("confirm"));
  const giveUpAt = performance.now() + LONGEST_MS;
  while (end.status === BUSY && isUnderWay() && performance.now() < giveUpAt) end = await run(scriptCommand("confirm"));
  if (end.status === 0) return { done: true };
  if (end.status === BUSY && isUnderWay())
    throw new Refused(`not confirmed: another process has been ${doing() ?? "holding the lock"} for too long`);
  // Another process has ended the trial. That is the outcome, whatever became of our script.
  if (!isUnderWay()) {
    const outcome = lastOutcome();
    return outcome === "confirmed" ? { done: true } : { done: false, why: outcome ?? "there is nothing to confirm" };
  }
  const why = end.stderr.trim() || `status ${end.status}`;
  await rollBack(why.split("\n")[0]!);
  return { done: false, why };
}

/** Rolls the trial back, if there is one. Waits for a script that is running. */
export async function rollBack(why: string): Promise<void> {
  if (fs.existsSync(`${TRIAL}/rollback`)) await run(scriptCommand("rollback", why));
  // Remove what a trial has left that was killed before it was armed. After a confirmed one, a daemon may still use the files.
  if (!isUnderWay() && lastOutcome() !== "confirmed") fs.rmSync(TRIAL, { recursive: true, force: true });
}

/** The clients that the door has let in since the trial began, and the number of its failed commands. */
export function openings(): { readonly knockers: readonly string[]; readonly failures: number } {
  const door = tried()?.door;
  const lines = (read(DAEMON_LOG) ?? "").split("\n");
  const knockers = lines.flatMap((line) => {
    const [, knocker] = /^\[[^\]]*\] (.*): OPEN SESAME$/.exec(line) ?? [];
    return knocker?.endsWith(`: ${door}`) ? [knocker.slice(0, -`: ${door}`.length)] : [];
  });
  const failed = [
    `] ${door}: command returned non-zero status code`,
    `] ${door}: could not run command`,
    `: ${door}: could not open `,
  ];
  const failures = lines.filter((line) => failed.some((text) => line.includes(text))).length;
  return { knockers, failures };
}

function triedOf({ door, config, unit, port, client, firewall: { kind }, wasClosed }: Setup): Tried {
  return { door, config, bySystemd: unit !== undefined, port, client: client?.name, kind, wasClosed };
}

/** Takes the lock for arming, so that only one process arms a trial. The lock ends with this process. Throws Refused. */
function holdAlone(): Promise<() => void> {
  const holder = spawn("flock", ["-n", `${TRIAL}.arming`, "sh", "-c", "echo; exec cat"], {
    ...{ env: { ...process.env, PATH }, stdio: ["pipe", "pipe", "ignore"] },
  });
  return new Promise((resolve, reject) => {
    holder.stdout!.once("data", () => resolve(() => holder.stdin!.end()));
    holder.once("error", reject);
    holder.once("exit", () => reject(new Refused("nothing has changed: another knockctl init has just begun")));
  });
}

async function isArmed(setup: Setup): Promise<boolean> {
  for (const end = Date.now() + ARMED_MS; Date.now() < end; await sleep(50)) {
    if (look(armedCommand(setup)).status === 0) return true;
  }
  return false;
}

function run(argv: readonly string[]): Promise<{ status: number; stderr: string }> {
  const [program = "", ...args] = argv;
  return new Promise((resolve) => {
    const child = spawn(program, args, {
      cwd: "/",
      env: { ...process.env, PATH },
      stdio: ["ignore", "ignore", "pipe"],
    });
    let stderr = "";
    child.stderr.setEncoding("utf8").on("data", (text) => (stderr += text));
    child.once("error", (error) => resolve({ status: 127, stderr: systemErrorText(error) }));
    child.once("close", (status) => resolve({ status: status ?? 128, stderr }));
  });
}

function writeTrial(name: string, text: string): void {
  fs.writeFileSync(`${TRIAL}/${name}`, text, { encoding: "latin1", mode: 0o600 });
}

function read(file: string): string | undefined {
  try {
    return fs.readFileSync(file, "utf8");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw error;
  }
}
