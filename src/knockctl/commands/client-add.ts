// knockctl client add: chooses a secret and ports, writes the clients file, and prints everything that the client
// needs.

import { randomBytes } from "node:crypto";
import * as fs from "node:fs";
import type { Command } from "@commander-js/extra-typings";
import { CLIENT_NAME, type Client } from "../../codes/client.ts";
import { formatClientUrl } from "../../codes/client-url.ts";
import { parseClients } from "../../codes/clients-file.ts";
import type { ClientKind } from "../../codes/derive.ts";
import { parseHours } from "../../codes/hours.ts";
import { Secret } from "../../codes/secret.ts";
import { clientSection, withSection } from "../../credentials/client-section.ts";
import { freeBlocks } from "../../credentials/free-blocks.ts";
import { instructions } from "../../credentials/instructions.ts";
import { parseNetwork } from "../../net/network.ts";
import { NEW_FILE } from "../../platform/replace-file.ts";
import { systemErrorText } from "../../platform/system-error.ts";
import { attempt, clientCommand, defaultHost, reload, STATUSES } from "../client-command.ts";
import { type ClientConfig, clientsText, doorWithClients, readClientConfig, writeClients } from "../client-config.ts";
import { beginStates } from "../client-uses.ts";
import type { Help } from "../help.ts";
import { ask } from "../request.ts";

const SECRET_BYTES = { code: 20, list: 20, key: 32 } as const;

const ADD: Help = {
  summary: "Add a client, and print its QR code and its ports",
  about: `
By default the client is an authenticator app on a phone: it shows six digits, which say where to
knock. With --key the client is a program: knock, a shell with openssl, or a web page. With --list
the codes are on paper (knockctl client paper).

The door needs the line "Clients = /etc/knockd/clients" in its section. The secret is written there;
only root may read that file.`,
  groups: {
    "Kind of client": ["--key", "--list", "--digits", "--udp", "--bind"],
    "When and from where it may knock": ["--from", "--hours", "--expires"],
  },
  examples: [
    "sudo knockctl client add phone --door openSSH --host home.example",
    "sudo knockctl client add laptop --door openSSH --key --file laptop.knock",
    "sudo knockctl client add guest --door openSSH --expires 2027-03-31",
  ],
  statuses: STATUSES,
};

interface Options {
  readonly config: string;
  readonly door: string;
  readonly host?: string | undefined;
  readonly key?: true | undefined;
  readonly list?: true | undefined;
  readonly digits?: string | undefined;
  readonly udp?: true | undefined;
  readonly bind?: true | undefined;
  readonly from?: string | undefined;
  readonly hours?: string | undefined;
  readonly expires?: string | undefined;
  readonly file?: string | undefined;
}

export function add(group: Command): void {
  clientCommand(group, "add", ADD)
    .argument("<name>", "the client's name: 1 to 32 of A-Z a-z 0-9 . _ -")
    .requiredOption("--door <name>", "the door that it opens")
    .option("--host <host>", "how the client reaches this machine (default: its host name)")
    .option("--file <file>", "write the line for knock into this new file")
    .option("--key", "for programs: 50 bits instead of six digits")
    .option("--list", "codes on paper, also for a machine without a clock")
    .option("--digits <6|8>", "digits of a code; eight withstand a botnet")
    .option("--udp", "knock by UDP")
    .option("--bind", "with --key: the key counts from one address only")
    .option("--from <networks>", "only from these networks, such as 203.0.113.0/24")
    .option("--hours <hours>", 'only then, such as "Mon-Fri 08:00-18:00"')
    .option("--expires <day>", "up to this day, such as 2027-03-31")
    .action((name, options) => attempt(() => addClient(name, options)));
}

async function addClient(name: string, options: Options): Promise<void> {
  if (!CLIENT_NAME.test(name)) throw new Error(`"${name}" is not a client's name: use 1 to 32 of A-Z a-z 0-9 . _ -`);
  const found = readClientConfig(options.config);
  const door = doorWithClients(found, options.door);
  const before = found.clients.find((client) => client.name === name);
  if (before !== undefined) throw new Error(`there is already a client "${name}", at door ${before.door}`);
  const client = await draw(name, options, found);
  const text = withSection(clientsText(door.clientsFile), clientSection(client));
  parseClients(text, door.clientsFile); // knockd's own parser: write nothing that it would refuse
  const host = options.host ?? defaultHost();
  if (options.file !== undefined) writeNew(options.file, `${formatClientUrl(host, client)}\n`);
  try {
    writeClients(door.clientsFile, text);
  } catch (error) {
    if (options.file !== undefined) fs.rmSync(options.file); // useless now, and secret
    throw error;
  }
  if (found.clients.length === 0) beginStates(found);
  const state = await reload(options.config, `knockd does not accept the codes of ${name} yet`);
  // All codes of the list are unused, even if knockd has lost its record of used codes.
  if (client.kind === "list") await ask(options.config, "reset-client", { client: name }, { changes: true });
  process.stdout.write(`Client ${name} is added to ${door.clientsFile}. ${state}\n\n`);
  process.stdout.write(instructions(host, client, { file: options.file, isTerminal: process.stdout.isTTY === true }));
}

async function draw(name: string, options: Options, found: ClientConfig): Promise<Client> {
  const kind: ClientKind = options.key ? "key" : options.list ? "list" : "code";
  if (options.key && options.list) throw new Error("--key and --list exclude each other");
  if (options.digits !== undefined && (kind !== "code" || !["6", "8"].includes(options.digits)))
    throw new Error("--digits is 6 or 8, and only for authenticator apps");
  if (options.bind && kind !== "key") throw new Error("--bind needs --key");
  const from = (options.from ?? "").split(/[\s,]+/).filter((word) => word !== "");
  for (const word of from) if (parseNetwork(word) === undefined) throw new Error(`"${word}" is not a network`);
  const hours = options.hours === undefined ? undefined : parseHours(options.hours);
  if (options.hours !== undefined && hours === undefined)
    throw new Error(`"${options.hours}" is not a range of hours such as "Mon-Fri 08:00-18:00"`);
  const digits = kind === "key" ? 0 : kind === "list" ? 8 : Number(options.digits ?? 6);
  const protocol = options.udp ? "udp" : "tcp";
  const shared = kind === "key" ? sharedBlocks(found.clients, options.door, protocol) : undefined;
  return {
    name,
    door: options.door,
    kind,
    secret: new Secret(randomBytes(SECRET_BYTES[kind])),
    blocks: shared ?? (await freeBlocks({ kind, digits }, found)),
    protocol,
    digits,
    from: from.map((word) => parseNetwork(word)!),
    hours,
    expires: options.expires,
    bind: options.bind === true,
    line: 0,
  };
}

/** The keys of a door share their blocks, because a key's HMAC tells whose it is. */
function sharedBlocks(clients: readonly Client[], door: string, protocol: string): readonly number[] | undefined {
  return clients.find((one) => one.kind === "key" && one.door === door && one.protocol === protocol)?.blocks;
}

/** Only this user may read it, because it contains the secret. */
function writeNew(path: string, text: string): void {
  try {
    const file = fs.openSync(path, NEW_FILE, 0o600);
    fs.writeFileSync(file, text);
    fs.closeSync(file);
  } catch (error) {
    throw new Error(`${path}: ${systemErrorText(error)}`);
  }
}
