// Parsers for the options of knockctl init. Each throws commander's InvalidArgumentError, which says what is expected.

import { InvalidArgumentError } from "commander";
import { parseNetworks } from "../setup/lan.ts";

export function wholeNumber(least: number, most: number): (text: string) => number {
  return (text) => {
    const number = Number(text);
    if (/^\d+$/.test(text) && number >= least && number <= most) return number;
    throw new InvalidArgumentError(`Give a whole number from ${least} to ${most}.`);
  };
}

export function minutes(text: string): number {
  const number = Number(text);
  if (/^\d*\.?\d+$/.test(text) && number > 0 && number <= 60) return number;
  throw new InvalidArgumentError("Give a number above 0 and at most 60.");
}

/** A door's name stands in the config, the log and shell scripts. */
export function doorName(text: string): string {
  if (/^[\w.-]+$/.test(text) && text.toLowerCase() !== "options") return text;
  throw new InvalidArgumentError("Use only letters, digits, dots, - and _.");
}

export function interfaceName(text: string): string {
  if (/^[\w.,:@*-]+$/.test(text)) return text;
  throw new InvalidArgumentError("Give names of interfaces: eth0,wlan0, ppp*, auto or any.");
}

export function networks(text: string): readonly string[] {
  const all = parseNetworks(text);
  if (all !== undefined) return all;
  throw new InvalidArgumentError("Give networks: 192.168.1.0/24,fd00::/64.");
}
