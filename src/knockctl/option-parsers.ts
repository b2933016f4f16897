// What the options of knockctl init take. Each throws commander's InvalidArgumentError, which says what is wanted.

import { InvalidArgumentError } from "commander";
import { parseNetworks } from "../setup/lan.ts";

export function wholeNumber(least: number, most: number): (text: string) => number {
  return (text) => {
    const number = Number(text);
    if (/^\d+$/.test(text) && number >= least && number <= most) return number;
    throw new InvalidArgumentError(`A whole number from ${least} to ${most} is wanted.`);
  };
}

export function minutes(text: string): number {
  const number = Number(text);
  if (/^\d*\.?\d+$/.test(text) && number > 0 && number <= 60) return number;
  throw new InvalidArgumentError("More than 0 and at most 60 is wanted.");
}

/** It stands in the config, the log and shell scripts. */
export function doorName(text: string): string {
  if (/^[\w.-]+$/.test(text) && text.toLowerCase() !== "options") return text;
  throw new InvalidArgumentError("Letters, digits, dots, - and _ are wanted.");
}

export function interfaceName(text: string): string {
  if (/^[\w.,:@*-]+$/.test(text)) return text;
  throw new InvalidArgumentError("Names of interfaces are wanted: eth0,wlan0, ppp*, auto or any.");
}

export function networks(text: string): readonly string[] {
  const all = parseNetworks(text);
  if (all !== undefined) return all;
  throw new InvalidArgumentError("Networks are wanted: 192.168.1.0/24,fd00::/64.");
}
