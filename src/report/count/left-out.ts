// Counts the lines that are not attempts, by reason. With the attempts they add up to all lines that were read.

import { REASONS, type Reason } from "../left-out-reasons.ts";
import type { Prefix } from "../read/prefixes.ts";
import type { LineRow } from "../report.ts";

/** Reasons of lines that may be packets all the same. */
const MAY_BE_PACKETS: readonly Reason[] = [
  ...(["letIn", "audited", "twice", "unwanted", "loopback", "sent", "answer", "group", "fragment", "cut"] as const),
  ...(["repeated", "elsewhen", "stranger", "foreign", "undated"] as const),
];
/** The most program names to remember, and the most prefixes to show. */
const [MAX_TAGS, MAX_PREFIXES] = [100, 3] as const;
/** Users copy a printed name into a command line, and a program can log under any name. */
const IS_NAME = /^[A-Za-z0-9_][A-Za-z0-9_./-]{0,47}$/;

export class LeftOut {
  readonly #lines = new Map<Reason, number>();
  readonly #tags = new Map<string, number>();

  add(reason: Reason, lines = 1): void {
    if (lines > 0) this.#lines.set(reason, (this.#lines.get(reason) ?? 0) + lines);
  }

  /** Counts a line of another program that looks like a packet. `tag`: its name, as for --tag. */
  addStranger(tag: string): void {
    this.add("stranger");
    if (!IS_NAME.test(tag) && tag !== "-") return;
    const known = this.#tags.get(tag);
    if (known !== undefined) this.#tags.set(tag, known + 1);
    else if (this.#tags.size < MAX_TAGS) this.#tags.set(Buffer.from(tag).toString(), 1);
  }

  /** May any of these lines be a packet? */
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

  /** Advice about lines that may matter, one sentence each. `unsaid`: prefixes that do not say what happened to the packet. */
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
        `${count(undated, "line")} that ${undated === 1 ? "looks like a packet has" : "look like packets have"} no time that the report can read: use LC_ALL=C journalctl -o short-iso, LC_ALL=C dmesg -T, or grep -h.`,
      );
    const attempts = unsaid.reduce((sum, prefix) => sum + prefix.attempts, 0);
    if (attempts > 0) {
      const names = unsaid.slice(0, MAX_PREFIXES).map(({ text }) => `"${text}"`);
      const more = unsaid.length > MAX_PREFIXES ? ", …" : "";
      notes.push(
        `The prefix of ${count(attempts, "attempt")} does not say whether the firewall rejected them (${names.join(", ")}${more}): --not-prefix leaves such packets out.`,
      );
    }
    return notes;
  }
}

export const count = (number: number, what: string): string => `${number} ${what}${number === 1 ? "" : "s"}`;
