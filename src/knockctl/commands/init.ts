// knockctl init: sets up a door, its sequence and its firewall rules without the risk of a lock-out.

import type { Command } from "@commander-js/extra-typings";
import { Option } from "commander";
import { ConfigError } from "../../config/door.ts";
import { MAX_KNOCKS } from "../../sequences/sequence.ts";
import { gateNow, loadGate } from "../../setup/gate-now.ts";
import { newClient } from "../../setup/new-client.ts";
import { plan, Refused } from "../../setup/plan.ts";
import { arm, begin, refuseASecond } from "../../setup/trial.ts";
import { askYesNo } from "../../terminal/prompt.ts";
import { doorName, interfaceName, minutes, networks, wholeNumber } from "../option-parsers.ts";
import { type Options, questions, USUAL_KNOCKS, wishes } from "./init-questions.ts";
import { dryRunText, howToKnock, knockctl, say, summary, timeOf } from "./init-text.ts";
import { attend, how, keep, showing, undo } from "./init-trial.ts";

const FAILED = 1;

const HELP = `
Closes a TCP port (22) to clients that have not knocked, and sets up a door that
opens it, with a random sequence or with the codes of your phone's
authenticator. It asks a few questions at a terminal; with --yes it asks
nothing.

You cannot lock yourself out:
  - Open sessions stay open.
  - Nothing on the disk changes before you confirm.
  - Everything is rolled back after 5 minutes, also if this program, its
    terminal or your session dies, and by a reboot.
  - You can confirm only after the door has opened to a real knock: here, or
    with "knockctl init --confirm" in the session that came in by the knock.

The door is added to the config. Your own doors stay, and the old file is kept
as CONFIG.before-init. The package's example door is removed.

Example:
  sudo knockctl init --dry-run     print what init would do
  sudo knockctl init --lan         clients in the LAN need no knock

Exit status:
  0  done: printed, set up, confirmed or rolled back, as asked
  1  not done, or rolled back: the message on standard error says why
  2  the command line is wrong
`;

export function init(program: Command): void {
  program
    .command("init")
    .summary("Set up a door and its firewall without locking yourself out")
    .option("-c, --config <file>", "config file of knockd", "/etc/knockd.conf")
    .option("--door <name>", "name of the door", doorName, "openSSH")
    .option("--port <port>", "TCP port to close, which the door opens", wholeNumber(1, 65535), 22)
    .option(
      "--interface <name>",
      "interface to listen on (default: as in the config; auto in a new config)",
      interfaceName,
    )
    .addOption(
      new Option(
        "--firewall <kind>",
        "who closes the port: knockd's gate, or your own rules with a mark (default: what fits)",
      ).choices(["gate", "mark"]),
    )
    .option("--codes", "knock with the codes of your phone's authenticator")
    .option("--no-codes", "knock with a sequence (default with --yes)")
    .option("--sequence <n>", `number of knocks (default: ${USUAL_KNOCKS})`, wholeNumber(3, MAX_KNOCKS))
    .option("--mixed", "mix TCP and UDP knocks; curl cannot send these")
    .option("--timeout <seconds>", "how long the port stays open to a client that knocked", wholeNumber(1, 86_400), 30)
    .option("--minutes <n>", "roll back after so long unless confirmed, 0.5 to 60", minutes, 5)
    .option("--lan [networks]", "let the LAN in without a knock: all its private networks, or these", networks)
    .option("--no-lan", "the LAN must knock, too (default: as the firewall has it today)")
    .option("--replace", "remove all other doors from the config")
    .option("--replace-door", "replace the door of the same name; keep the others")
    .option("--persist", "once confirmed, close the port again at each boot")
    .option("-y, --yes", "ask nothing")
    .option("--dry-run", "print every change; make none")
    .addOption(new Option("--confirm", "keep the new setup").conflicts(["rollback", "dryRun"]))
    .addOption(new Option("--rollback", "undo the new setup now").conflicts(["dryRun"]))
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
  process.on("SIGINT", () => (interrupted = true)); // finish the step in progress, then roll back
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
  return attend(setup, endsAt, () => interrupted);
}

function complain(text: string): void {
  process.stderr.write(`knockctl: ${text}\n`);
}
