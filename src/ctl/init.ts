// knockctl init: a door, its secret and its firewall, set up so that nobody locks himself out.

import { realpathSync } from "node:fs";
import { networkInterfaces } from "node:os";
import { dirname, join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { type Command, InvalidArgumentError, Option } from "commander";
import { ConfigError } from "../config/door.ts";
import { MOST_KNOCKS } from "../config/sequence.ts";
import { many } from "../plural.ts";
import { clientLines } from "../setup/client-lines.ts";
import type { FirewallKind } from "../setup/firewall.ts";
import { unitName } from "../setup/persistence.ts";
import { NO_SYSTEMD, plan, Refused, type Setup, systemdRuns } from "../setup/setup.ts";
import { arm, begin, confirm, isUnderWay, lastOutcome, openings, rollBack, tried } from "../setup/trial.ts";
import { PID_FILE, TRIAL, trialFiles } from "../setup/trial-scripts.ts";
import { agrees, ask } from "./dialogue.ts";
import { doorName, interfaceName, minutes, wholeNumber } from "./init-words.ts";

const FAILED = 1;
const LOOK_MS = 250;

const HELP = `
Closes a TCP port (22) to who has not knocked, and sets up a door that opens it, with a
random sequence of ports. Asks at a terminal; with --yes it asks nothing.

No lock-out: sessions that are open stay open, nothing on the disk is changed before you
confirm, and all is rolled back after 5 minutes (by systemd, or a process of its own;
also when this program, its terminal or the session dies; and by a reboot), unless the
door has opened to a real knock and you have confirmed: here, or in the session that came
in by the knock, with knockctl init --confirm.

The config gets the door; doors of yours that are there stay, and the file as it was is
kept as CONFIG.before-init. Sequences that came with the package do not stay.

Exit status:
  0  done: dry run; set up and waiting to be confirmed (--yes); confirmed; rolled back
     (--rollback)
  1  not done, or rolled back: the line on standard error says why
  2  the command line is wrong
`;

interface Options {
  readonly config: string;
  readonly door: string;
  readonly port: number;
  readonly interface?: string;
  readonly firewall?: FirewallKind;
  readonly sequence: number;
  readonly mixed?: true;
  readonly timeout: number;
  readonly minutes: number;
  readonly replace?: true;
  readonly persist?: true;
  readonly yes?: true;
  readonly dryRun?: true;
  readonly confirm?: true;
  readonly rollback?: true;
}

export function init(program: Command): void {
  program
    .command("init")
    .summary("set up a door and its firewall, without fear of a lock-out")
    .option("-c, --config <file>", "the config that knockd runs with", "/etc/knockd.conf")
    .option("--door <name>", "what the door is called", doorName, "openSSH")
    .option("--port <port>", "the TCP port that it opens, and that is closed otherwise", wholeNumber(1, 65535), 22)
    .option("--interface <name>", "where knocks come in (default: as in the config, in a new one auto)", interfaceName)
    .addOption(new Option("--firewall <kind>", "default: the one in use").choices(["iptables", "nft"]))
    .option("--sequence <n>", "how many knocks", wholeNumber(3, MOST_KNOCKS), 3)
    .option("--mixed", "knocks of TCP and UDP; curl can't make these")
    .option("--timeout <seconds>", "how long it stays open to who has knocked", wholeNumber(1, 86_400), 30)
    .option("--minutes <n>", "when it is rolled back unless confirmed, at most 60; 0.5 is half a minute", minutes, 5)
    .option("--replace", "leave the doors out that are in the config")
    .option("--persist", "close the port at each boot too, once it is confirmed")
    .option("-y, --yes", "ask nothing")
    .option("--dry-run", "print all that would be done, and change nothing")
    .addOption(new Option("--confirm", "keep what is set up").conflicts(["rollback", "dryRun"]))
    .addOption(new Option("--rollback", "undo it now").conflicts(["dryRun"]))
    .addHelpText("after", HELP)
    .action(async (options: Options) => {
      try {
        process.exitCode = (await run(options)) ? 0 : FAILED;
      } catch (error) {
        if (!(error instanceof Refused || error instanceof ConfigError)) throw error;
        complain(error.message);
        process.exitCode = FAILED;
      }
    });
}

function run(options: Options): Promise<boolean> {
  if (process.getuid?.() !== 0) throw new Refused("run it as root (sudo knockctl init)");
  if (options.rollback) return undo();
  if (options.confirm) return keep(options.persist ?? false);
  return setUp(options);
}

async function setUp(options: Options): Promise<boolean> {
  const asks = !options.yes && !options.dryRun;
  if (asks && !process.stdin.isTTY)
    throw new Refused("there is no terminal to ask at: --yes, or --dry-run to see it first");
  const setup = plan(asks ? await questions(options) : wishes(options));
  if (options.dryRun) {
    say(summary(setup));
    for (const [name, text] of Object.entries(trialFiles(setup, knockctl()))) say(`\n== ${TRIAL}/${name}\n${text}`);
    return true;
  }
  say(summary(setup));
  if (asks && !(await agrees("\nShall it be done?"))) throw new Refused("nothing is changed");

  let interrupted = false;
  process.on("SIGINT", () => (interrupted = true)); // what has been begun is ended in order
  await arm(setup, knockctl());
  const begun = await begin();
  if (!begun.done) throw new Refused(`rolled back: ${begun.why}`);
  say(howToKnock(setup));
  if (!asks) {
    if (interrupted) return undo();
    say(`\nThen, within ${timeOf(setup)}, in the session that came in so: knockctl init --confirm`);
    return true;
  }
  return attend(setup, () => interrupted);
}

/** What the command line has not said, for which the answer differs from one machine to another. */
async function questions(options: Options): Promise<Parameters<typeof plan>[0]> {
  const said = wishes(options);
  const answer = async <T>(question: string, otherwise: string, read: (text: string) => T): Promise<T> => {
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
  };
  const port = await answer("Which TCP port is to be closed?", `${said.port}`, wholeNumber(1, 65535));
  const persist = said.persist || (systemdRuns() && (await agrees("Is it to be closed after a reboot too?")));
  return { ...said, port, persist: persist ?? false };
}

function wishes(options: Options): Parameters<typeof plan>[0] {
  const { config, door, port, sequence: knocks, timeout: seconds, firewall } = options;
  return {
    ...{ config, door, port, knocks, seconds, firewall, minutes: options.minutes, interface: options.interface },
    ...{ mixed: options.mixed ?? false, replace: options.replace ?? false, persist: options.persist ?? false },
  };
}

/** Until it is confirmed or rolled back, here or elsewhere. */
async function attend(setup: Setup, isInterrupted: () => boolean): Promise<boolean> {
  say(`Waiting for the knock; after ${timeOf(setup)} all is rolled back. Ctrl-C rolls it back at once.`);
  while (isUnderWay() && !isInterrupted() && !hasOpened()) await sleep(LOOK_MS);
  if (isInterrupted()) return undo();
  if (isUnderWay()) {
    say(`The door has opened to ${openings().knockers.at(-1)}. Log in from there now, in another terminal.`);
    const over = new AbortController();
    const watch = setInterval(() => isUnderWay() || over.abort(), LOOK_MS);
    const does = await agrees("Did you get in, and is it to stay so?", over.signal);
    clearInterval(watch);
    if (isUnderWay()) return does ? keep(false) : undo();
  }
  return tellOutcome();
}

async function keep(persist: boolean): Promise<boolean> {
  const trial = isUnderWay() ? tried() : undefined;
  if (trial === undefined) return tellOutcome();
  const { door, config, bySystemd } = trial;
  if (persist && !bySystemd) throw new Refused(`not confirmed yet: ${NO_SYSTEMD}`);
  if (!hasOpened()) {
    const why = openings().failures > 0 ? "its command failed, by the log" : "nobody has knocked at it";
    throw new Refused(`not confirmed: door ${door} has not opened since this began: ${why}. Knock, and confirm again`);
  }
  const outcome = await confirm(persist);
  if (!outcome.done) throw new Refused(`not confirmed: ${outcome.why}`);
  say(`Confirmed: door ${door} stays, in ${config}.`);
  if (!bySystemd) say("Restart knockd with that config now, as it is done here (service knockd restart).");
  return true;
}

async function undo(): Promise<boolean> {
  if (!isUnderWay()) {
    await rollBack("asked to"); // what an arming that broke off has left
    say(`Nothing to roll back${lastOutcome() === undefined ? "" : `: ${lastOutcome()}`}.`);
    return true;
  }
  await rollBack("asked to");
  if (isUnderWay()) throw new Refused(`the rollback has not ended: sh ${TRIAL}/rollback`);
  say("Rolled back: all is as it was.");
  return true;
}

/** Somebody else has ended it. */
function tellOutcome(): boolean {
  const outcome = lastOutcome();
  if (outcome === "confirmed") {
    say("It is confirmed.");
    return true;
  }
  throw new Refused(outcome === undefined ? "nothing waits to be confirmed" : outcome);
}

/** A command that failed has opened nothing. */
function hasOpened(): boolean {
  const { knockers, failures } = openings();
  return knockers.length > failures;
}

function summary(setup: Setup): string {
  const { config, backup, existed, kept, door, port, firewall, unit, persist, seconds, sequence } = setup;
  const tables = firewall.kind === "nft" ? "nft" : `iptables${firewall.ipv6 ? " and ip6tables" : ""}`;
  const doors = kept.length === 0 ? "" : `, beside ${kept.join(", ")}`;
  return [
    `door       ${door}: ${sequence.length} random knocks open TCP port ${port} to who knocked, for ${many(seconds, "second")}; sessions stay`,
    `config     ${config}${doors}${existed ? `; as it was: ${backup}` : ""}`,
    `firewall   ${tables}: new connections to port ${port} go through the chain KNOCKD or are rejected${setup.wasClosed ? " (they are already)" : ""}`,
    `knockd     ${unit === undefined ? "is yours to start: systemd does not run it here" : "is restarted by systemctl"}`,
    `reboot     ${persist ? `${unitName(firewall.kind, port)} closes the port again` : "the port is open again (--persist: closed)"}`,
    `rollback   after ${timeOf(setup)}, unless you confirm`,
  ].join("\n");
}

function howToKnock({ sequence, unit }: Setup): string {
  const daemon = join(dirname(knockctl()[1]!), "knockd.js");
  const start =
    unit !== undefined
      ? ""
      : `\nStart knockd: ${process.execPath} ${daemon} -d -c ${TRIAL}/knockd.conf -p ${PID_FILE}\n`;
  const lines = clientLines(ownAddress(), sequence).map((line) => `    ${line}`);
  return `${start}\nKnock from another machine, with one of these:\n\n${lines.join("\n")}\n`;
}

/** The address that whoever sits here came to, or the first that others may reach. */
function ownAddress(): string {
  const [, , reached] = process.env.SSH_CONNECTION?.split(" ") ?? [];
  const own = Object.values(networkInterfaces()).flatMap((addresses) => addresses ?? []);
  return reached ?? own.find(({ family, internal }) => family === "IPv4" && !internal)?.address ?? "HOST";
}

/** How this program is run, for scripts. */
function knockctl(): string[] {
  return [process.execPath, realpathSync(process.argv[1]!)];
}

function timeOf({ minutes }: Setup): string {
  return `${minutes} ${minutes === 1 ? "minute" : "minutes"}`;
}

function say(text: string): void {
  process.stdout.write(`${text.replace(/\n*$/, "")}\n`);
}

function complain(text: string): void {
  process.stderr.write(`knockctl: ${text}\n`);
}
