// Lines that are no attempts, counted by the reason: together with the attempts they are all lines that were read.

import { REASONS, type Reason } from "../left-out-reasons.ts";
import type { Prefix } from "../read/prefixes.ts";
import type { LineRow } from "../report.ts";

/** With none of these there was no packet in any line. */
const MAY_BE_PACKETS: readonly Reason[] = [
  ...(["letIn", "audited", "twice", "unwanted", "loopback", "sent", "answer", "group", "fragment", "cut"] as const),
  ...(["repeated", "elsewhen", "stranger", "undated"] as const),
];
/** Names of programs that are told. */
const [MOST_TAGS, MOST_PREFIXES] = [100, 3] as const;
/** Whoever logs may call himself anything; what is printed is to be copied into a command line. */
const IS_NAME = /^[A-Za-z0-9_][A-Za-z0-9_./-]{0,47}$/;

export class LeftOut {
  readonly #lines = new Map<Reason, number>();
  readonly #tags = new Map<string, number>();

  add(reason: Reason, lines = 1): void {
    if (lines > 0) this.#lines.set(reason, (this.#lines.get(reason) ?? 0) + lines);
  }

  /** A line that looks like a packet's; `tag` as --tag has it. */
  addStranger(tag: string): void {
    this.add("stranger");
    if (!IS_NAME.test(tag) && tag !== "-") return;
    const known = this.#tags.get(tag);
    if (known !== undefined) this.#tags.set(tag, known + 1);
    else if (this.#tags.size < MOST_TAGS) this.#tags.set(Buffer.from(tag).toString(), 1);
  }

  /** May any of these lines be a packet's? */
  get mayBePackets(): boolean {
    return MAY_BE_PACKETS.some((reason) => this.#lines.has(reason));
  }

  get rows(): LineRow[] {
    const reasons = Object.keys(REASONS) as Reason[];
    return reasons.flatMap((reason) => {
      const lines = this.#lines.get(reason);
      return lines === undefined ? [] : [{ reason: REASONS[reason], lines }];
    });
  }

  /** What to do about lines that may be wanted, a sentence each. `unsaid`: prefixes that do not tell what became of the packet. */
  notes(unsaid: readonly Prefix[]): string[] {
    const notes = [...this.#tags]
      .sort(([, a], [, b]) => b - a)
      .map(([tag, lines]) => {
        const from = tag === "-" ? "without the name of a program" : `from ${tag}`;
        return `${count(lines, "line")} ${from} ${lines === 1 ? "looks like a packet" : "look like packets"}: add \`--tag ${tag}\` if your firewall logs there.`;
      });
    const undated = this.#lines.get("undated") ?? 0;
    if (undated > 0)
      notes.push(
        `${count(undated, "line")} that ${undated === 1 ? "looks like a packet has" : "look like packets have"} no time that is known: use journalctl -o short-iso, or dmesg -T.`,
      );
    const attempts = unsaid.reduce((sum, prefix) => sum + prefix.attempts, 0);
    if (attempts > 0) {
      const names = unsaid.slice(0, MOST_PREFIXES).map(({ text }) => `"${text}"`);
      const more = unsaid.length > MOST_PREFIXES ? ", …" : "";
      notes.push(
        `Of ${count(attempts, "attempt")} the prefix does not say that they were rejected (${names.join(", ")}${more}): --not-prefix leaves such packets out.`,
      );
    }
    return notes;
  }
}

export const count = (number: number, what: string): string => `${number} ${what}${number === 1 ? "" : "s"}`;
