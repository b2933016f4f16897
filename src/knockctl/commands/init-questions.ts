// The questions of knockctl init. It asks only what the command line leaves open.

import { InvalidArgumentError } from "commander";
import type { FirewallKind } from "../../setup/firewall.ts";
import type { GateNow } from "../../setup/gate-now.ts";
import { hasIpv6, lanHere } from "../../setup/lan.ts";
import { doorsOf, freeName, look, plan, Refused, systemdRuns, type Wishes } from "../../setup/plan.ts";
import { ask, askYesNo } from "../../terminal/prompt.ts";
import { doorName, wholeNumber } from "../option-parsers.ts";
import { say } from "./init-text.ts";

export interface Options {
  readonly config: string;
  readonly door: string;
  readonly port: number;
  readonly interface?: string;
  readonly firewall?: FirewallKind;
  readonly lan?: readonly string[] | boolean;
  readonly codes?: boolean;
  readonly sequence?: number;
  readonly mixed?: true;
  readonly timeout: number;
  readonly minutes: number;
  readonly replace?: true;
  readonly replaceDoor?: true;
  readonly persist?: true;
  readonly yes?: true;
  readonly dryRun?: true;
  readonly confirm?: true;
  readonly rollback?: true;
}

/** The number of knocks of a new sequence. */
export const USUAL_KNOCKS = 3;

export function wishes(options: Options): Wishes {
  const { config, door, port, sequence, timeout: seconds, firewall, lan, minutes } = options;
  const hasSequence = sequence !== undefined || options.mixed === true;
  if (options.codes && hasSequence)
    throw new Refused("--codes takes the place of a sequence: leave out --sequence and --mixed");
  return {
    ...{
      config,
      door,
      port,
      knocks: sequence ?? USUAL_KNOCKS,
      seconds,
      firewall,
      lan,
      minutes,
      interface: options.interface,
    },
    codes: options.codes ?? (hasSequence ? false : undefined),
    ...{ mixed: options.mixed ?? false, persist: options.persist ?? false },
    replace: options.replace ? "all" : options.replaceDoor ? "door" : undefined,
  };
}

/** Asks for what the command line leaves open and what differs between machines. */
export async function questions(options: Options, now: GateNow | undefined): Promise<Wishes> {
  let said = await aboutDoor(wishes(options));
  plan(said, now); // refuse what cannot work before asking anything else
  const port = await answer("Which TCP port do you want to close?", `${said.port}`, wholeNumber(1, 65535));
  said = { ...said, port };
  if (said.codes === undefined)
    said = { ...said, codes: await decided("Knock with your phone's authenticator?", true) };
  const { firewall, wasClosed } = plan(said, now);
  if (said.lan === undefined && !wasClosed && firewall.kind === "gate") said = { ...said, lan: await aboutLan(port) };
  if (said.persist || !systemdRuns()) return said;
  return { ...said, persist: await decided("Close it again after each reboot?", false) };
}

/** The config may already have a door of that name, such as a how-to's [openSSH]. */
async function aboutDoor(said: Wishes): Promise<Wishes> {
  const taken = said.replace === undefined ? doorsOf(said.config) : [];
  if (!taken.includes(said.door)) return said;
  const free = freeName(said.door, taken);
  const question = `${said.config} already has a door "${said.door}".\nType "replace", or a name for the new door:`;
  const name = await answer(question, free, (text) => {
    if (text === "replace") return text;
    if (taken.includes(doorName(text))) throw new InvalidArgumentError(`There already is a door "${text}".`);
    return text;
  });
  return name === "replace" ? { ...said, replace: "door" } : { ...said, door: name };
}

async function aboutLan(port: number): Promise<readonly string[]> {
  const { byRule, own } = lanHere(port, hasIpv6(), look);
  if (byRule.length > 0) {
    const question = `Today the firewall lets in ${byRule.join(", ")}. Keep it so, without a knock?`;
    return (await decided(question, true)) ? byRule : [];
  }
  if (own.length === 0) return [];
  return (await decided(`Let the LAN (${own.join(", ")}) in without a knock?`, false)) ? own : [];
}

async function decided(question: string, otherwise: boolean): Promise<boolean> {
  const does = await askYesNo(question, otherwise);
  if (does === undefined) throw new Refused("nothing has changed");
  return does;
}

async function answer<T>(question: string, otherwise: string, read: (text: string) => T): Promise<T> {
  for (;;) {
    const text = await ask(question, otherwise);
    if (text === undefined) throw new Refused("nothing has changed");
    try {
      return read(text);
    } catch (error) {
      if (!(error instanceof InvalidArgumentError)) throw error;
      say(error.message);
    }
  }
}
