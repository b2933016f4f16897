// The trial: from the first change until it is confirmed or rolled back. Its scripts (trial-scripts.ts) do all that
// changes anything; whoever calls them may die at any moment.

import { spawn } from "node:child_process";
import * as fs from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { systemWords } from "../system-words.ts";
import { families, PATH } from "./firewall.ts";
import { look, Refused, type Setup } from "./setup.ts";
import { armCommand, armedCommand, DAEMON_LOG, LAST, LOCK, scriptCommand, TRIAL, trialFiles } from "./trial-scripts.ts";

/** A script whose trial is over says so by this status. */
const NOT_MINE = 3;
const ARMED_MS = 5000;
const EMPTY_TABLE = "*filter\n:INPUT ACCEPT [0:0]\n:FORWARD ACCEPT [0:0]\n:OUTPUT ACCEPT [0:0]\nCOMMIT\n";

export type Outcome = { readonly done: true } | { readonly done: false; readonly why: string };

/** Is there one, and not at its end? */
export function isUnderWay(): boolean {
  return fs.existsSync(`${TRIAL}/id`);
}

/** How the last one ended: `confirmed`, or `rolled back: ...`; undefined when there was none since the boot. */
export function lastOutcome(): string | undefined {
  return read(LAST)?.trim();
}

/** What it is about. */
export interface Tried {
  readonly door: string;
  readonly config: string;
  /** Does systemd run knockd? */
  readonly bySystemd: boolean;
}

export function tried(): Tried | undefined {
  const text = read(`${TRIAL}/tried.json`);
  return text === undefined ? undefined : JSON.parse(text);
}

/**
 * Writes down all that confirming and rolling back need, and has the rollback come in its time. Nothing has been changed
 * then. Throws Refused. `knockctl` is how this program is run.
 */
export async function arm(setup: Setup, knockctl: readonly string[]): Promise<void> {
  const release = await holdAlone();
  try {
    if (isUnderWay()) {
      throw new Refused("another set-up waits to be confirmed: knockctl init --confirm, or knockctl init --rollback");
    }
    try {
      fs.rmSync(TRIAL, { recursive: true, force: true }); // of one that was killed before it was armed
      fs.rmSync(LAST, { force: true });
      fs.mkdirSync(TRIAL, { mode: 0o700 });
      fs.writeFileSync(LOCK, "", { mode: 0o600 });
      const files = { ...trialFiles(setup, knockctl), ...savedTables(setup) };
      for (const [name, text] of Object.entries(files)) writeTrial(name, text);
    } catch (error) {
      throw new Refused(`nothing is changed: ${TRIAL} can't be written: ${systemWords(error)}`);
    }
    const { status, stderr } = await run(armCommand(setup));
    if (status !== 0 || !(await isArmed(setup))) {
      throw new Refused(`nothing is changed: nothing would roll it back: ${stderr.trim() || `status ${status}`}`);
    }
    writeTrial("id", setup.id); // with this it is a trial, which has an end
  } finally {
    release();
  }
}

/** Makes the changes; rolls them back at once where they can't be made. */
export async function begin(): Promise<Outcome> {
  const { status, stderr } = await run(scriptCommand("begin"));
  if (status === 0) return { done: true };
  const why = status === NOT_MINE ? "its time was over before it began" : stderr.trim() || `status ${status}`;
  await rollBack(why.split("\n")[0]!);
  return { done: false, why };
}

/** Makes it last. Where that can't be done, all of it is rolled back. */
export async function confirm(persist: boolean): Promise<Outcome> {
  try {
    if (persist) writeTrial("persist", "");
  } catch (error) {
    throw new Refused(`not confirmed yet: ${TRIAL} can't be written: ${systemWords(error)}`);
  }
  const { status, stderr } = await run(scriptCommand("confirm"));
  if (status === 0) return { done: true };
  if (status === NOT_MINE || !isUnderWay())
    return { done: false, why: lastOutcome() ?? "nothing waits to be confirmed" };
  const why = stderr.trim() || `status ${status}`;
  await rollBack(why.split("\n")[0]!);
  return { done: false, why };
}

/** Of one that is not there, too. */
export async function rollBack(why: string): Promise<void> {
  if (fs.existsSync(`${TRIAL}/rollback`)) await run(scriptCommand("rollback", why));
  if (!isUnderWay()) fs.rmSync(TRIAL, { recursive: true, force: true });
}

/** Who has come in by the door since the trial began, and what failed of its commands. */
export function openings(): { readonly knockers: readonly string[]; readonly failures: number } {
  const door = tried()?.door;
  const lines = (read(DAEMON_LOG) ?? "").split("\n");
  const knockers = lines.flatMap((line) => {
    const [, knocker] = /^\[[^\]]*\] (.*): OPEN SESAME$/.exec(line) ?? [];
    return knocker?.endsWith(`: ${door}`) ? [knocker.slice(0, -`: ${door}`.length)] : [];
  });
  const failed = [`] ${door}: command returned non-zero status code`, `] ${door}: could not run command`];
  const failures = lines.filter((line) => failed.some((text) => line.includes(text))).length;
  return { knockers, failures };
}

/** Only one at a time may arm. The lock goes with this process, however that ends. Throws Refused. */
function holdAlone(): Promise<() => void> {
  const holder = spawn("flock", ["-n", `${TRIAL}.arming`, "sh", "-c", "echo; exec cat"], {
    ...{ env: { ...process.env, PATH }, stdio: ["pipe", "pipe", "ignore"] },
  });
  return new Promise((resolve, reject) => {
    holder.stdout!.once("data", () => resolve(() => holder.stdin!.end()));
    holder.once("error", reject);
    holder.once("exit", () => reject(new Refused("nothing is changed: another knockctl init is just beginning")));
  });
}

/** What the tables hold now, to be restored as a whole if the new rules can't be taken out one by one. */
function savedTables({ firewall }: Setup): Record<string, string> {
  if (firewall.kind === "nft") return { "saved.nft": look(["nft", "list", "ruleset"]).stdout };
  return Object.fromEntries(
    families(firewall).map((tables) => [
      `saved.${tables}`,
      look([`${tables}-save`, "-t", "filter"]).stdout || EMPTY_TABLE,
    ]),
  );
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
    child.once("error", (error) => resolve({ status: 127, stderr: systemWords(error) }));
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
