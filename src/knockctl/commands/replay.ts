// knockctl replay: what knockd would have logged for the packets of a capture.

import { setImmediate as nextTurn } from "node:timers/promises";
import { isatty } from "node:tty";
import type { Command } from "@commander-js/extra-typings";
import { InvalidArgumentError } from "commander";
import { readConfig } from "../../config/read.ts";
import { resolveTargets } from "../../config/resolve-targets.ts";
import { type Address, formatAddress, parseAddress } from "../../net/address.ts";
import { systemErrorText } from "../../platform/system-error.ts";
import type { Played, PlayOptions } from "../../replay/replay.ts";
import { UnusedSequences } from "../../sequences/one-time-memory.ts";
import { plural } from "../../terminal/plural.ts";
import { printableJson } from "../../terminal/printable.ts";
import { Progress } from "../../terminal/progress.ts";
import { Stamp } from "../../terminal/stamp.ts";
import { clean, paint } from "../../terminal/style.ts";
import { table } from "../../terminal/table.ts";
import { type Help, withHelp } from "../help.ts";
import { complain, DEFAULT_CONFIG } from "../request.ts";

const NOTHING_OPENED = 1;
const UNREADABLE = 3;
const JSON_VERSION = 1;

const HELP: Help = {
  summary: "Show what knockd would have logged for a capture file",
  about: `
Runs the packets of a capture through the doors of a config and prints every line that knockd would
have logged, with the packet's time. Nothing is executed, no knockd is asked and no one-time
sequence is used up. "running command" shows what would have run. A stop command follows cmd_timeout
seconds after its start command. After the last packet, the time goes on until nothing is pending.

The capture is pcap or pcapng, compressed with gzip or not. It may come from Ethernet, "any"
(cooked), a tunnel (raw IP), PPP, PPPoE or loopback. A port that answers in the capture counts as one
on which knockd's host listens. Without -a, every destination address counts as knockd's own.`,
  examples: [
    "sudo tcpdump -i eth0 -s 256 -w door.pcap 'tcp or udp'",
    "knockctl replay door.pcap",
    "ssh HOST sudo tcpdump -i eth0 -s 256 -U -w - 'tcp or udp' | knockctl replay -",
  ],
  statuses: [
    [0, "a door would have opened"],
    [1, "no door would have opened"],
    [2, "wrong command line"],
    [3, "the config or the capture cannot be read, or only in part"],
  ],
};

interface Options {
  readonly config: string;
  readonly address?: readonly Address[];
  readonly verdicts?: true;
  readonly json?: true;
}

export function replay(program: Command): void {
  withHelp(program.command("replay"), HELP)
    .argument("<file>", "a capture file of tcpdump, or - for standard input")
    .option("-c, --config <file>", "the config with the doors", DEFAULT_CONFIG)
    .option("-a, --address <address>", "an address of knockd's host (repeatable)", addresses)
    .option("--verdicts", "also show, in parentheses, why a packet did not count")
    .option("--json", "print one JSON object per line")
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
  if (address === undefined) throw new InvalidArgumentError("It is not an IP address.");
  return [...before, address];
}

/** Returns the exit status. Throws an Error with what cannot be read. */
async function run(file: string, { config: path, address: own = [], verdicts, json }: Options): Promise<number> {
  const unused = new UnusedSequences();
  const config = readConfig(path, (file, warn) => unused.nextOneTime(file, warn));
  const { resolvedDoors, warnings } = await resolveTargets(config, false);
  process.stderr.write([...config.warnings, ...warnings].map((warning) => `${clean(warning)}\n`).join(""));
  // Other commands do not need the addon.
  const [{ play }, { Savefile, STANDARD_INPUT }] = await Promise.all([
    import("../../replay/replay.ts"),
    import("../../replay/pcap-file.ts"),
  ]);
  // process.stdin would make the descriptor non-blocking, and libpcap would take that for the end of the file.
  if (file === STANDARD_INPUT && isatty(0)) throw new Error("standard input is a terminal, not a capture");
  const say = (error: unknown) => new Error(`${file}: ${wordsOf(error)}`);
  const output = json ? new JsonOutput() : new TextOutput();
  const progress = new Progress();
  let played: Played;
  try {
    const savefile = await Savefile.find(file);
    let isRead = true;
    process.stdout.once("error", () => (isRead = false)); // head(1) has read enough
    const show: PlayOptions["onBatch"] = async (position) => {
      if (output.hasLines) {
        progress.clear();
        output.flush();
        await nextTurn(); // lets the error event arrive
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

/** Keeps libpcap's message as it is. */
function wordsOf(error: unknown): string {
  return (error as NodeJS.ErrnoException).errno === undefined ? (error as Error).message : systemErrorText(error);
}

/** Does not wrap lines: they are lines of the log. */
class TextOutput {
  readonly #stamp = new Stamp();
  #text = "";
  #isBegun = false;

  get hasLines(): boolean {
    return this.#text !== "";
  }

  readonly said = (line: string, time: number): void => {
    const text = clean(line);
    const coloured = text.endsWith(": OPEN SESAME") ? paint("good", text) : text;
    this.#text += `${paint("soft", this.#stamp.of(time))}  ${coloured}\n`;
  };

  readonly ignored = (line: string, time: number): void => {
    this.#text += `${paint("soft", `${this.#stamp.of(time)}  (${clean(line)})`)}\n`;
  };

  /** Prints nothing: the line before it contains the command. */
  readonly ran = (): void => {};

  flush(): void {
    if (this.#text === "") return;
    const head = this.#isBegun
      ? ""
      : table([{ head: "TIME".padEnd(this.#stamp.of(0).length) }, { head: "LOG LINE" }], []);
    process.stdout.write(head + this.#text);
    this.#isBegun = true;
    this.#text = "";
  }

  end({ packets, openings, knockedAt, otherFrames }: Played, own: readonly Address[]): void {
    this.flush();
    const at = (own.length > 0 ? own : knockedAt).map(formatAddress).join(", ");
    const result = knockedAt.length > 0 ? plural(openings, "opening") : "no knock";
    complain(`${plural(packets, "TCP and UDP packet")}, ${result}${at === "" ? "" : `, at ${at}`}`);
    if (own.length === 0) complain("every destination counted as an address of knockd's host; name its own with -a");
    if (otherFrames > 0) complain(`${plural(otherFrames, "other frame")} without a TCP or UDP header`);
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
