// The client: knock HOST PORT[:PROTO] ..., one packet to each port, in order.
//
// Half a knock opens nothing, so everything is checked before the first packet, and a packet that this machine cannot
// send ends it. Answers to the knocks do not matter: a closed port answers, a firewall does not, both are fine.

import { setTimeout as sleep } from "node:timers/promises";
import { Command } from "commander";
import { version } from "../platform/version.ts";
import { plural } from "../terminal/plural.ts";
import { type Knock, parseDelay, parseKnock, parseRetry, parseVerify } from "./arguments.ts";
import { Complaint } from "./complaint.ts";
import { fileOfName, readKnockFile } from "./knock-file.ts";
import { resolve } from "./resolve.ts";
import { send } from "./send.ts";
import { familyOfSource, sourceAddress } from "./source-address.ts";
import { sshConfig } from "./ssh-config.ts";
import { systemReason } from "./system-reason.ts";
import { isOpen, VERIFY_SECONDS } from "./verify.ts";

/** All packets were sent, but the port of --verify did not open. */
const NOT_OPEN = 2;
const SSH_PORT = 22;

// To the letter what knock 0.8 prints.
const USAGE = `usage: knock [options] <host> <port[:proto]> [port[:proto]] ...
options:
  -u, --udp            make all ports hits use UDP (default is TCP)
  -d, --delay <t>      wait <t> milliseconds between port hits
  -4, --ipv4           Force usage of IPv4
  -6, --ipv6           Force usage of IPv6
  -v, --verbose        be verbose
  -V, --version        display version
  -h, --help           this help

example:  knock myserver.example.com 123:tcp 456:udp 789:tcp

`;

/** What 0.8 does not have: `--help` adds it; `-h` and errors print 0.8's text alone, as scripts may know it. */
const MORE_USAGE = `knockd-ng adds:
  knock <name>             knock as ~/.config/knock/<name>.knock says
  -f, --file <file>        knock as this file says: host and ports, as you would type them
      --verify <port>      wait up to ${VERIFY_SECONDS} seconds until this TCP port is open
      --retry <n>          with --verify: knock up to <n> more times
  -i, --interface <name>   send from an address of this interface
      --source <address>   send from this address
      --ssh                print lines for ~/.ssh/config; sends nothing

example:  knock -d 200 --verify 22 --retry 2 myserver.example.com 7000 8000 9000

exit status: 0 sent (with --verify: open), 1 not sent, ${NOT_OPEN} sent but not open
`;

interface Options {
  readonly udp?: true;
  readonly delay?: string;
  readonly verbose?: true;
  readonly file?: string;
  readonly verify?: string;
  readonly retry?: string;
  readonly interface?: string;
  readonly source?: string;
  readonly ssh?: true;
}

interface CommandLine {
  readonly host: string;
  readonly ports: readonly string[];
  /** 4, 6, or 0 for any. */
  readonly family: number;
  readonly options: Options;
}

/** Parses `words`; ends the process with the usage when they are wrong. */
function parse(words: readonly string[], needsPorts: boolean): CommandLine {
  let family = 0;
  const program = new Command("knock")
    .option("-u, --udp")
    .option("-d, --delay <t>")
    .option("-4, --ipv4")
    .option("-6, --ipv6")
    .option("-v, --verbose")
    .option("-f, --file <file>")
    .option("--verify <port>")
    .option("--retry <n>")
    .option("-i, --interface <name>")
    .option("--source <address>")
    .option("--ssh")
    .version(`knock ${version} (knockd-ng)`)
    // Of both, the last one wins.
    .on("option:ipv4", () => (family = 4))
    .on("option:ipv6", () => (family = 6))
    .argument(needsPorts ? "<host>" : "[host]")
    .argument(needsPorts ? "<port[:proto]...>" : "[port[:proto]...]")
    .configureHelp({ formatHelp: () => (process.argv.includes("--help") ? USAGE + MORE_USAGE : USAGE) })
    .showHelpAfterError()
    .parse(words, { from: "user" });
  const [host = "", ...ports] = program.args;
  return { host, ports, family, options: program.opts<Options>() };
}

/** The command line, completed by the file that it names. Where both say something, the command line counts. */
function readCommandLine(words: readonly string[]): CommandLine {
  const given = parse(words, false);
  const file = given.options.file ?? (given.ports.length === 0 ? fileOfName(given.host) : undefined);
  if (file === undefined) return parse(words, true);
  const stored = parse(readKnockFile(file), true);
  return { ...stored, family: given.family || stored.family, options: { ...stored.options, ...given.options } };
}

/** Sends all knocks in order. Throws Complaint, which says how many were sent. */
async function knockAll(
  knocks: readonly Knock[],
  address: string,
  source: string | undefined,
  { delay, verbose }: { readonly delay: number; readonly verbose: boolean },
): Promise<void> {
  for (const [done, knock] of knocks.entries()) {
    const hit = `${knock.udp ? "udp" : "tcp"} ${address}:${knock.port}`;
    if (verbose) process.stdout.write(`hitting ${hit}\n`);
    await send(knock, address, source).catch((error) => {
      throw new Complaint(
        `error: could not send ${hit}: ${systemReason(error)}; ${done} of ${plural(knocks.length, "knock")} sent`,
      );
    });
    // After the last one too, as 0.8: `knock -d 500 … && ssh …` counts on it.
    if (delay > 0) await sleep(delay);
  }
}

async function main(): Promise<void> {
  const words = process.argv.slice(2);
  const { host, ports, family, options } = readCommandLine(words);
  const delay = parseDelay(options.delay ?? "0");
  const port = options.verify === undefined ? undefined : parseVerify(options.verify);
  const retries = parseRetry(options.retry ?? "0");
  if (retries > 0 && port === undefined) throw new Complaint("error: --retry needs --verify <port>");
  const knocks = ports.map(parseKnock).map((knock) => (options.udp ? { ...knock, udp: true } : knock));
  if (options.ssh) {
    const own = words.filter((word) => word !== "--ssh");
    if (port === undefined) own.push("--verify", String(SSH_PORT));
    process.stdout.write(sshConfig(host, own, port ?? SSH_PORT));
    return;
  }
  const address = await resolve(host, family || familyOfSource(options));
  const source = sourceAddress(options, address);

  // The packets matter more than a reader of -v who has gone away.
  process.stdout.on("error", () => {});
  for (let round = 0; round <= retries; round++) {
    await knockAll(knocks, address, source, { delay, verbose: options.verbose === true });
    if (port === undefined) return;
    if (await isOpen({ host: address, port, source })) {
      if (options.verbose) process.stdout.write(`${address}:${port} is open\n`);
      return;
    }
  }
  const tries = retries > 0 ? ` (tries: ${retries + 1})` : "";
  const hint =
    delay === 0 && knocks.length > 1
      ? "\nKnocks may arrive in another order than they were sent. Try: knock -d 200 …"
      : "";
  throw new Complaint(`error: TCP port ${port} of ${address} is not open${tries}${hint}`, NOT_OPEN);
}

main().catch((error) => {
  if (!(error instanceof Complaint)) throw error;
  process.stderr.write(`${error.message}\n`);
  process.exitCode = error.status;
});
