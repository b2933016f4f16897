// knockctl client show, paper and page: print again what a client needs.

import * as fs from "node:fs";
import type { Command } from "@commander-js/extra-typings";
import { InvalidArgumentError } from "commander";
import { instructions } from "../../credentials/instructions.ts";
import { clientPage } from "../../credentials/page.ts";
import { paper } from "../../credentials/paper.ts";
import { NEW_FILE } from "../../platform/replace-file.ts";
import { systemErrorText } from "../../platform/system-error.ts";
import { attempt, clientCommand, defaultHost, STATUSES } from "../client-command.ts";
import { clientOf, readClientConfig } from "../client-config.ts";
import { statesOf } from "../client-uses.ts";
import type { Help } from "../help.ts";

const MAX_CODES = 1000;
const HOST = ["--host <host>", "how the client reaches this machine (default: its host name)"] as const;

const SHOW: Help = {
  summary: "Print the QR code and the ports of a client again",
  about: "Prints what client add printed, including the secret. Root only.",
  examples: ["sudo knockctl client show phone --secrets --host home.example"],
  statuses: STATUSES,
};

const PAPER: Help = {
  summary: "Print the next codes of a client of kind list",
  about: `
Each line is one knock. A used line, and all lines above it, do not count any more. knockd looks ten
lines ahead.`,
  examples: ["sudo knockctl client paper guest 20 --host home.example | lpr"],
  statuses: STATUSES,
};

const PAGE: Help = {
  summary: "Write a web page that knocks for a client",
  about: `
The page is one HTML file for a phone or any browser. It shows the current ports, and a button knocks. It
works from the disk, without a web server, and uses the network only for the knocks. It contains the
secret: anyone who has the file can knock. For code and key clients by TCP.`,
  examples: ["sudo knockctl client page phone --host home.example -o knock-home.html"],
  statuses: STATUSES,
};

export function show(group: Command): void {
  clientCommand(group, "show", SHOW)
    .argument("<name>", "the client")
    .requiredOption("--secrets", "print the secret: anyone who sees it can knock")
    .option(...HOST)
    .action((name, { config, host = defaultHost() }) =>
      attempt(() => {
        const client = clientOf(readClientConfig(config), name);
        process.stdout.write(instructions(host, client, { isTerminal: process.stdout.isTTY === true }));
      }),
    );
}

export function paperCommand(group: Command): void {
  clientCommand(group, "paper", PAPER)
    .argument("<name>", "the client")
    .argument("<count>", "how many codes", readCount)
    .option(...HOST)
    .action((name, count, { config, host = defaultHost() }) =>
      attempt(() => {
        const found = readClientConfig(config);
        const client = clientOf(found, name);
        if (client.kind !== "list")
          throw new Error(`${name} is a ${client.kind} client: only a list has codes on paper`);
        process.stdout.write(paper(host, client, statesOf(found).of(client).last + 1, count));
      }),
    );
}

export function page(group: Command): void {
  clientCommand(group, "page", PAGE)
    .argument("<name>", "the client")
    .option(...HOST)
    .option("-o, --output <file>", "write this new file (default: standard output)")
    .action((name, { config, host = defaultHost(), output }) =>
      attempt(() => {
        const client = clientOf(readClientConfig(config), name);
        if (client.kind === "list") throw new Error(`${name} is a list client: its codes are on paper`);
        if (client.protocol === "udp") throw new Error(`${name} uses UDP, which no web page can send`);
        if (client.bind) throw new Error(`${name} is bound to an address, which a web page does not know`);
        writeOut(output, clientPage(host, client));
      }),
    );
}

function writeOut(output: string | undefined, text: string): void {
  if (output === undefined) {
    process.stdout.write(text);
    return;
  }
  try {
    const file = fs.openSync(output, NEW_FILE, 0o600); // it contains the secret
    fs.writeFileSync(file, text);
    fs.closeSync(file);
  } catch (error) {
    throw new Error(`${output}: ${systemErrorText(error)}`);
  }
}

function readCount(text: string): number {
  const count = Number(text);
  if (!/^\d+$/.test(text) || count < 1 || count > MAX_CODES)
    throw new InvalidArgumentError(`It is not 1 to ${MAX_CODES}.`);
  return count;
}
