// knockctl replay: what would knockd have said to the packets of a capture?

import { setImmediate as nextTurn } from "node:timers/promises";
import { isatty } from "node:tty";
import { type Command, InvalidArgumentError } from "commander";
import { readConfig } from "../../config/read.ts";
import { resolveTargets } from "../../config/resolve-targets.ts";
import { type Address, formatAddress, parseAddress } from "../../net/address.ts";
import { systemErrorText } from "../../platform/system-error.ts";
import type { Played, PlayOptions } from "../../replay/replay.ts";
import { Stamp } from "../../replay/stamp.ts";
import { UnusedSequences } from "../../sequences/one-time-memory.ts";
import { plural } from "../../terminal/plural.ts";
import { printableJson } from "../../terminal/printable.ts";
import { Progress } from "../../terminal/progress.ts";
import { clean, paint } from "../../terminal/style.ts";
import { complain } from "../request.ts";

const NOTHING_OPENED = 1;
const UNREADABLE = 3;
const JSON_VERSION = 1;

const HELP = `
Takes the packets of a capture through the doors of a config, as knockd would have
taken them when they came, and prints each line that it would have said, with its
time. Nothing is run, nothing is listened to, no knockd is asked, and no one-time
sequence is used up. What would have been run is in the lines "running command";
a stop command comes cmd_timeout seconds after its start command, as if that had
taken no time. It goes on behind the last packet until nobody waits for anything.
With --verdicts there is a line in parentheses for each packet that had to do with a
door, and of which nothing came: why not.

  tcpdump -i eth0 -s 256 -w door.pcap 'tcp or udp'   and later   knockctl replay door.pcap
  ssh HOST sudo tcpdump -i eth0 -s 256 -U -w - 'tcp or udp' | knockctl replay -c my.conf -

The capture is pcap or pcapng, compressed with gzip or not. It may come from Ethernet,
"any" (cooked), a tunnel (raw IP), PPP, PPPoE or loopback. Own addresses are those of -a; without it each destination counts as
one, also those of others, where the capture has their packets. A port at which
somebody answers in the capture counts as one at which knockd's host listens.

Exit status:
  0  a door would have been opened
  1  none would
  2  the command line is wrong
  3  the config or the capture can't be read, or not to its end: the line on
     standard error says why
`;

interface Options {
  readonly config: string;
  readonly address?: readonly Address[];
  readonly verdicts?: true;
  readonly json?: true;
}

export function replay(program: Command): void {
  program
    .command("replay")
    .summary("what would knockd have said to a capture?")
    .argument("<file>", "a capture that tcpdump has written; -: standard input")
    .option("-c, --config <file>", "the config to replay it by", "/etc/knockd.conf")
    .option("-a, --address <address>", "an address of knockd's host; may be given again", addresses)
    .option("--verdicts", "say also why nothing came of a packet")
    .option("--json", "print a JSON object a line")
    .addHelpText("after", HELP)
    .action(async (file: string, options: Options) => {
      try {
        process.exitCode = await run(file, options);
      } catch (error) {
        if (!(error instanceof Error)) throw error;
        complain(clean(error.message));
        process.exitCode = UNREADABLE;
      }
    });
}

function addresses(text: string, before: readonly Address[] = []): readonly Address[] {
  const address = parseAddress(text);
  if (address === undefined) throw new InvalidArgumentError("It is no IP address.");
  return [...before, address];
}

/** Returns the exit status. Throws an Error that says what can't be read. */
async function run(file: string, { config: path, address: own = [], verdicts, json }: Options): Promise<number> {
  const unused = new UnusedSequences();
  const config = readConfig(path, (file, warn) => unused.nextOneTime(file, warn));
  const { resolvedDoors, warnings } = await resolveTargets(config, false);
  process.stderr.write([...config.warnings, ...warnings].map((warning) => `${clean(warning)}\n`).join(""));
  // Only who replays needs the addon.
  const [{ play }, { Savefile, STANDARD_INPUT }] = await Promise.all([
    import("../../replay/replay.ts"),
    import("../../replay/pcap-file.ts"),
  ]);
  // Not process.stdin, which would make it one that does not block: libpcap would take that for its end.
  if (file === STANDARD_INPUT && isatty(0)) throw new Error("standard input is a terminal, and no capture");
  const say = (error: unknown) => new Error(`${file}: ${wordsOf(error)}`);
  const output = json ? new JsonOutput() : new TextOutput();
  const progress = new Progress();
  let played: Played;
  try {
    const savefile = await Savefile.find(file);
    let isRead = true;
    process.stdout.once("error", () => (isRead = false)); // head(1) has seen enough
    const show: PlayOptions["onBatch"] = async (position) => {
      if (output.hasLines) {
        progress.clear();
        output.flush();
        await nextTurn(); // in which that error comes
      }
      if (progress.isDue && savefile.size !== undefined) progress.draw(position() / savefile.size, file);
      return isRead;
    };
    const { said, ran } = output;
    const ignored = verdicts && output.ignored;
    played = await play(savefile, { resolvedDoors, unused, own, onBatch: show, said, ran, ignored });
  } catch (error) {
    throw say(error);
  }
  progress.clear();
  output.end(played, own);
  if (played.damage !== undefined) throw say(new Error(played.damage));
  return played.openings > 0 ? 0 : NOTHING_OPENED;
}

/** libpcap's words stay as they are. */
function wordsOf(error: unknown): string {
  return (error as NodeJS.ErrnoException).errno === undefined ? (error as Error).message : systemErrorText(error);
}

class TextOutput {
  readonly #stamp = new Stamp();
  #text = "";

  get hasLines(): boolean {
    return this.#text !== "";
  }

  readonly said = (line: string, time: number): void => {
    const text = clean(line);
    const coloured = text.endsWith(": OPEN SESAME") ? paint("good", text) : text;
    this.#text += `${paint("soft", this.#stamp.of(time))} ${coloured}\n`;
  };

  readonly ignored = (line: string, time: number): void => {
    this.#text += `${paint("soft", `${this.#stamp.of(time)} (${clean(line)})`)}\n`;
  };

  /** It is in the line that was said before. */
  readonly ran = (): void => {};

  flush(): void {
    if (this.#text !== "") process.stdout.write(this.#text);
    this.#text = "";
  }

  end({ packets, openings, knockedAt, otherFrames }: Played, own: readonly Address[]): void {
    this.flush();
    const at = (own.length > 0 ? own : knockedAt).map(formatAddress).join(", ");
    const guess = "every destination taken for an address of knockd's host, as none is named with -a";
    const where = own.length > 0 ? `at ${at}` : at === "" ? guess : `at ${at} (${guess})`;
    const opened = `${openings} ${openings === 1 ? "opening" : "openings"}`;
    const heard = knockedAt.length > 0 ? opened : "no knock";
    process.stderr.write(`knockctl: ${plural(packets, "TCP and UDP packet")}, ${heard}, ${where}\n`);
    if (otherFrames > 0)
      process.stderr.write(`knockctl: ${plural(otherFrames, "other frame")} without a TCP or UDP header\n`);
  }
}

class JsonOutput {
  #text = "";

  get hasLines(): boolean {
    return this.#text !== "";
  }

  readonly said = (line: string, time: number, beside: object): void =>
    this.#add({ type: "line", time, line, ...beside });

  readonly ignored = (line: string, time: number): void => this.#add({ type: "verdict", time, line });

  readonly ran = (command: string, time: number): void => this.#add({ type: "command", time, command });

  flush(): void {
    if (this.#text !== "") process.stdout.write(this.#text);
    this.#text = "";
  }

  end({ packets, openings, knockedAt, otherFrames, damage }: Played, own: readonly Address[]): void {
    this.#add({
      type: "end",
      packets,
      openings,
      otherFrames,
      addresses: (own.length > 0 ? own : knockedAt).map(formatAddress),
      guessed: own.length === 0,
      damage,
    });
    this.flush();
  }

  #add(object: object): void {
    this.#text += `${printableJson(JSON.stringify({ version: JSON_VERSION, ...object }))}\n`;
  }
}
