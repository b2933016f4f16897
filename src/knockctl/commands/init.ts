// knockctl init: a door, its secret and its firewall, set up so that nobody locks himself out.

import { type Command, Option } from "commander";
import { ConfigError } from "../../config/door.ts";
import { MOST_KNOCKS } from "../../sequences/sequence.ts";
import { plan, Refused } from "../../setup/plan.ts";
import { arm, begin, refuseASecond } from "../../setup/trial.ts";
import { askYesNo } from "../../terminal/prompt.ts";
import { doorName, interfaceName, minutes, networks, wholeNumber } from "../option-parsers.ts";
import { type Options, questions, wishes } from "./init-questions.ts";
import { dryRunText, howToKnock, knockctl, say, summary, timeOf } from "./init-text.ts";
import { attend, how, keep, showing, undo } from "./init-trial.ts";

const FAILED = 1;

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
    .option("--lan [networks]", "let the LAN in without a knock: its private networks, or those named", networks)
    .option("--no-lan", "the LAN has to knock too (default: as the firewall has it today)")
    .option("--replace", "leave the doors out that are in the config")
    .option("--replace-door", "leave the door of that name out, and keep the others")
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
  if (!options.dryRun) refuseASecond();
  const setup = plan(asks ? await questions(options) : wishes(options));
  if (options.dryRun) {
    say(dryRunText(setup));
    return true;
  }
  say(summary(setup));
  if (asks && !(await askYesNo("\nShall it be done?", true))) throw new Refused("nothing is changed");

  let interrupted = false;
  process.on("SIGINT", () => (interrupted = true)); // what has been begun is ended in order
  const endsAt = Date.now() + setup.minutes * 60_000;
  await arm(setup, knockctl());
  const begun = await showing(begin);
  if (!begun.done) throw new Refused(`rolled back: ${begun.why}${how(false)}`);
  say(howToKnock(setup));
  if (!asks) {
    if (interrupted) return undo();
    say(`\nThen, within ${timeOf(setup)}, in the session that came in so: knockctl init --confirm`);
    return true;
  }
  return attend(setup, endsAt, () => interrupted);
}

function complain(text: string): void {
  process.stderr.write(`knockctl: ${text}\n`);
}
