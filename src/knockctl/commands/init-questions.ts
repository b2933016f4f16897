// What knockctl init asks at a terminal, and what the command line has said.

import { InvalidArgumentError } from "commander";
import type { FirewallKind } from "../../setup/firewall.ts";
import { lanHere } from "../../setup/lan.ts";
import { doorsOf, freeName, look, plan, Refused, type Setup, systemdRuns, type Wishes } from "../../setup/plan.ts";
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
  readonly sequence: number;
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

export function wishes(options: Options): Wishes {
  const { config, door, port, sequence: knocks, timeout: seconds, firewall, lan, minutes } = options;
  return {
    ...{ config, door, port, knocks, seconds, firewall, lan, minutes, interface: options.interface },
    ...{ mixed: options.mixed ?? false, persist: options.persist ?? false },
    replace: options.replace ? "all" : options.replaceDoor ? "door" : undefined,
  };
}

/** What the command line has not said, where the answer differs from one machine to another. */
export async function questions(options: Options): Promise<Wishes> {
  let said = await aboutDoor(wishes(options));
  plan(said); // what can be refused is refused before anything else is asked
  const port = await answer("Which TCP port is to be closed?", `${said.port}`, wholeNumber(1, 65535));
  said = { ...said, port };
  const { firewall, wasClosed } = plan(said);
  if (said.lan === undefined && !wasClosed) said = { ...said, lan: await aboutLan(firewall, port) };
  if (said.persist || !systemdRuns()) return said;
  return { ...said, persist: await decided("Is it to be closed after a reboot too?", false) };
}

/** The door's name is taken, as by a how-to's [openSSH]. */
async function aboutDoor(said: Wishes): Promise<Wishes> {
  const taken = said.replace === undefined ? doorsOf(said.config) : [];
  if (!taken.includes(said.door)) return said;
  const free = freeName(said.door, taken);
  const question = `${said.config} has a door ${said.door} already. Replace it, or call the new one ${free}?`;
  const name = await answer(`${question} (replace, or a name)`, free, (text) => {
    if (text === "replace") return text;
    if (taken.includes(doorName(text))) throw new InvalidArgumentError(`There is a door ${text} already.`);
    return text;
  });
  return name === "replace" ? { ...said, replace: "door" } : { ...said, door: name };
}

async function aboutLan(firewall: Setup["firewall"], port: number): Promise<readonly string[]> {
  const { byRule, own } = lanHere(firewall, port, look);
  if (byRule.length > 0) {
    const question = `The firewall lets ${byRule.join(", ")} in today. May they still come in without a knock?`;
    return (await decided(question, true)) ? byRule : [];
  }
  if (own.length === 0) return [];
  return (await decided(`May the LAN (${own.join(", ")}) come in without a knock?`, false)) ? own : [];
}

async function decided(question: string, otherwise: boolean): Promise<boolean> {
  const does = await askYesNo(question, otherwise);
  if (does === undefined) throw new Refused("nothing is changed");
  return does;
}

async function answer<T>(question: string, otherwise: string, read: (text: string) => T): Promise<T> {
  for (;;) {
    const text = await ask(question, otherwise);
    if (text === undefined) throw new Refused("nothing is changed");
    try {
      return read(text);
    } catch (error) {
      if (!(error instanceof InvalidArgumentError)) throw error;
      say(error.message);
    }
  }
}
