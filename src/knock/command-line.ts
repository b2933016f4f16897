// knock's command line, and the file that may complete it.

import { Command } from "commander";
import { CLIENT_URL_SCHEME, type ClientUrl } from "../codes/client-url.ts";
import { version } from "../platform/version.ts";
import { readClientUrl } from "./code-knock.ts";
import { Complaint } from "./complaint.ts";
import { fileOfName, readKnockFile, requireFileOfName } from "./knock-file.ts";
import { VERIFY_SECONDS } from "./verify.ts";

/** All packets were sent, but the port of --verify did not open. */
export const NOT_OPEN = 2;

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
  -f, --file <file>        knock as this file says (man knock)
      --verify <port>      wait up to ${VERIFY_SECONDS} seconds until this TCP port is open
      --retry <n>          with --verify: knock up to <n> more times
  -i, --interface <name>   send from an address of this interface
      --source <address>   send from this address
      --ssh                print lines for ~/.ssh/config; sends nothing

codes, which change every 30 seconds (knockctl client add makes the file):
      --secret <file>      knock with the code of this file's client
                           (<host> may follow)
      --door <name>        the same, by ~/.config/knock/<name>.knock
      --code <digits>      the code that your authenticator shows; -: from
                           standard input
      --dry-run            print the knocks; sends nothing

examples: knock -d 200 --verify 22 --retry 2 myserver.example.com 7000 8000 9000
          knock --door home --verify 22

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
  readonly secret?: string;
  readonly door?: string;
  readonly code?: string;
  readonly dryRun?: true;
}

export interface CommandLine {
  readonly host: string;
  readonly ports: readonly string[];
  /** 4, 6, or 0 for any. */
  readonly family: number;
  readonly options: Options;
  /** Of a client with codes; undefined: `ports` says what to knock on. */
  readonly clientUrl?: ClientUrl;
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
    .option("--secret <file>")
    .option("--door <name>")
    .option("--code <digits>")
    .option("--dry-run")
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
export function readCommandLine(words: readonly string[]): CommandLine {
  const given = parse(words, false);
  const file = fileOf(given);
  if (file === undefined) {
    // A host without a port is more likely the name of a file, unless it has a dot.
    if (given.ports.length === 0 && /^[\w-]+$/.test(given.host))
      throw new Complaint(`error: no ports are given, and there is no ~/.config/knock/${given.host}.knock`);
    return parse(words, true);
  }
  const stored = readKnockFile(file);
  if (!stored.some((word) => word.startsWith(CLIENT_URL_SCHEME))) {
    const line = parse(stored, true);
    return { ...line, family: given.family || line.family, options: { ...line.options, ...given.options } };
  }
  if (stored.length > 1) throw new Complaint(`error: ${file}: the line of a client stands alone`);
  const clientUrl = readClientUrl(stored[0]!, file);
  const host = given.options.secret !== undefined && given.host !== "" ? given.host : clientUrl.host;
  return { ...given, host, clientUrl };
}

function fileOf({ host, ports, options }: CommandLine): string | undefined {
  if (options.file !== undefined) return options.file;
  if (options.secret !== undefined) return options.secret;
  if (options.door !== undefined) return requireFileOfName(options.door);
  return ports.length === 0 ? fileOfName(host) : undefined;
}
