// knockctl init: sets up a door, its sequence and its firewall rules without the risk of a lock-out.

import type { Command } from "@commander-js/extra-typings";
import { Option } from "commander";
import { ConfigError } from "../../config/door.ts";
import { MAX_KNOCKS } from "../../sequences/sequence.ts";
import { gateNow, loadGate } from "../../setup/gate-now.ts";
import { newClient } from "../../setup/new-client.ts";
import { plan, Refused } from "../../setup/plan.ts";
import { arm, begin, refuseASecond } from "../../setup/trial.ts";
import { wrapped } from "../../terminal/paragraph.ts";
import { askYesNo } from "../../terminal/prompt.ts";
import { type Help, withHelp } from "../help.ts";
import { doorName, interfaceName, minutes, networks, wholeNumber } from "../option-parsers.ts";
import { type Options, questions, USUAL_KNOCKS, wishes } from "./init-questions.ts";
import { dryRunText, howToKnock, knockctl, say, summary, timeOf } from "./init-text.ts";
import { how, keep, showing, undo, waitForOutcome } from "./init-trial.ts";

const FAILED = 1;

const INIT: Help = {
  summary: "Set up a door and its firewall without locking yourself out",
  about: `
Closes a TCP port (22) to clients that have not knocked, and sets up a door that opens it. The door
opens to the codes of your phone's authenticator, or to a random sequence. init asks a few questions
at a terminal; with --yes it asks nothing.

You cannot lock yourself out. Open sessions stay open, and nothing on the disk changes before you
confirm. After 5 minutes everything is rolled back, even if this program, its terminal or your
session has died. A reboot rolls it back too.

You can confirm only after the door has opened to a real knock. Confirm here, or with "knockctl init
--confirm" in the session that came in by the knock.

Your own doors stay in the config; the package's example door is removed. The old file is kept as
CONFIG.before-init.`,
  groups: {
    "The door": ["--door", "--port", "--timeout", "--interface", "--replace", "--replace-door"],
    "The knock": ["--codes", "--no-codes", "--sequence", "--mixed"],
    "The firewall": ["--firewall", "--lan", "--no-lan", "--persist"],
    "The trial": ["--dry-run", "--yes", "--minutes", "--confirm", "--rollback"],
  },
  examples: [
    "sudo knockctl init --dry-run",
    "sudo knockctl init",
    "sudo knockctl init --yes --no-codes --port 2222 --lan",
    "sudo knockctl init --confirm --persist",
  ],
  statuses: [
    [0, "done: printed, set up, confirmed or rolled back, as asked"],
    [1, "not done, or rolled back: the message on standard error says why"],
    [2, "wrong command line"],
  ],
};

export function init(program: Command): void {
  withHelp(program.command("init"), INIT)
    .option("-c, --config <file>", "the config of knockd", "/etc/knockd.conf")
    .option("--door <name>", "the door's name", doorName, "openSSH")
    .option("--port <port>", "the TCP port to close, which the door opens", wholeNumber(1, 65535), 22)
    .option(
      "--interface <name>",
      "interface to listen on (default: as in the config; auto in a new config)",
      interfaceName,
    )
    .addOption(
      new Option(
        "--firewall <kind>",
        "what closes the port: knockd's own table (gate), or your rules, which let a mark pass (default: what fits)",
      ).choices(["gate", "mark"]),
    )
    .option("--codes", "knock with the codes of your phone's authenticator")
    .option("--no-codes", "knock with a random sequence (default with --yes)")
    .option("--sequence <n>", `a sequence of this many knocks (default: ${USUAL_KNOCKS})`, wholeNumber(3, MAX_KNOCKS))
    .option("--mixed", "mix TCP and UDP knocks; curl cannot send these")
    .option("--timeout <seconds>", "how long the port stays open to a client that knocked", wholeNumber(1, 86_400), 30)
    .option("--lan [networks]", "clients on the LAN need no knock: on all its private networks, or on these", networks)
    .option("--no-lan", "clients on the LAN must knock too (default: as today)")
    .option("--replace", "remove all other doors from the config")
    .option("--replace-door", "replace the door of the same name; keep the others")
    .option("--persist", "close the port again at each boot, once you have confirmed")
    .option("--dry-run", "print every change; make none")
    .option("-y, --yes", "ask nothing")
    .option("--minutes <n>", "minutes until the rollback, unless you confirm; 0.5 to 60", minutes, 5)
    .addOption(new Option("--confirm", "keep the new setup").conflicts(["rollback", "dryRun"]))
    .addOption(new Option("--rollback", "undo the new setup now").conflicts(["dryRun"]))
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

async function run(options: Options): Promise<boolean> {
  if (process.getuid?.() !== 0) throw new Refused("run it as root (sudo knockctl init)");
  await loadGate();
  if (options.rollback) return undo();
  if (options.confirm) return keep(options.persist ?? false);
  return setUp(options);
}

async function setUp(options: Options): Promise<boolean> {
  const asks = !options.yes && !options.dryRun;
  if (asks && !process.stdin.isTTY)
    throw new Refused("there is no terminal to ask questions at: use --yes, or --dry-run to see the plan");
  if (!options.dryRun) refuseASecond();
  const now = gateNow();
  const planned = plan(asks ? await questions(options, now) : wishes(options), now);
  const setup = planned.codes === undefined ? planned : { ...planned, client: await newClient(planned) };
  if (options.dryRun) {
    say(dryRunText(setup));
    return true;
  }
  if (setup.unit === undefined && now?.owner !== undefined)
    throw new Refused("a running knockd owns the gate. Stop it first (service knockd stop): the gate stays closed");
  say(summary(setup));
  if (asks && !(await askYesNo("\nDo this now?", true))) throw new Refused("nothing has changed");

  let interrupted = false;
  process.on("SIGINT", () => (interrupted = true)); // finish the current step, then roll back
  const endsAt = Date.now() + setup.minutes * 60_000;
  await arm(setup, knockctl());
  const begun = await showing(begin);
  if (!begun.done) throw new Refused(`rolled back: ${begun.why}${how(false)}`);
  say(howToKnock(setup));
  if (!asks) {
    if (interrupted) return undo();
    say(`\nLog in from there within ${timeOf(setup)}. In that session, run: sudo knockctl init --confirm`);
    return true;
  }
  return waitForOutcome(setup, endsAt, () => interrupted);
}

function complain(text: string): void {
  process.stderr.write(wrapped(`knockctl: ${text}`));
}
