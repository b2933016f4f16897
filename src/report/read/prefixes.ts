// Does the prefix of a firewall rule say that its packets were rejected? Knows the words of ufw, firewalld, Shorewall, OpenWrt
// and common hand-written rules.

import type { Reason } from "../left-out-reasons.ts";

/** `unsaid`: the prefix does not tell. Such packets count, and the report names the prefix. */
export type Said = "rejected" | "let in" | "audited" | "unsaid";

/** The values of --prefix and --not-prefix: texts that a prefix contains. */
export interface Choice {
  readonly prefixes: readonly string[];
  readonly notPrefixes: readonly string[];
}

export interface Prefix {
  readonly text: string;
  /** Why its packets are not attempts. Undefined if they are. */
  readonly reason: Reason | undefined;
  readonly isUnsaid: boolean;
  /** The prefix says that the rule rejects packets. */
  readonly isRejected: boolean;
  attempts: number;
}

/** More prefixes than any firewall's logging rules have. */
const MAX = 1000;
/** What syslogd and the kernel put before a prefix: a clock, and the processor or thread (CONFIG_PRINTK_CALLER). */
const BEFORE = /^\s*(?:<\d{1,3}>)?\s*(?:\[ *\d+\.\d+\]\s*)?(?:\[ *[CT]\d+\]\s*)?/;
/** The last word counts: `Shorewall:drop2fw:ACCEPT:` names a chain first. `DROPBEAR` is a server, not a verdict. */
const WORDS =
  /(?<rejected>drop(?!bear)|deny|denied|denies|reject|block|discard|refus|prohibit|forbid|(?<![a-z])ban(?:ned)?(?![a-z])|(?:not|un|dis|non)[\s_-]*(?:allow|accept|permit|authori[sz])|-[dr](?:-\d+)?\](?=\s*$))|(?<letIn>allow(?![\s_-]?list)|accept|permit|(?<![a-z])(?:acc|pass(?:ed)?)(?![a-z])|-(?:a|ret)(?:-\d+)?\](?=\s*$))|(?<audited>(?<![a-z])(?:audit|trace)(?![a-z])|ufw limit\])/gi;

export class Prefixes {
  readonly #choice: Choice;
  readonly #known = new Map<string, Prefix>();

  constructor(choice: Choice) {
    this.#choice = choice;
  }

  /** The prefix of a message whose packet begins at `begin`. */
  of(message: string, begin: number): Prefix {
    const text = message.slice(0, begin).replace(BEFORE, "").trimEnd();
    const known = this.#known.get(text);
    if (known !== undefined) return known;
    const prefix = this.#make(Buffer.from(text, "latin1").toString("latin1")); // a slice would keep the whole chunk of the log in memory
    if (this.#known.size < MAX) this.#known.set(prefix.text, prefix);
    return prefix;
  }

  /** Attempts that a rule rejected, by its prefix. */
  get rejected(): number {
    const known = [...this.#known.values()].filter(({ isRejected }) => isRejected);
    return known.reduce((sum, { attempts }) => sum + attempts, 0);
  }

  /** Prefixes that do not say what happened, the most attempts first. */
  unsaid(): Prefix[] {
    return [...this.#known.values()]
      .filter(({ isUnsaid, attempts }) => isUnsaid && attempts > 0)
      .sort((a, b) => b.attempts - a.attempts);
  }

  #make(text: string): Prefix {
    const { prefixes, notPrefixes } = this.#choice;
    const isIn = (one: string) => text.includes(one);
    const said = saidBy(text);
    let reason: Reason | undefined;
    if (notPrefixes.some(isIn) || (prefixes.length > 0 && !prefixes.some(isIn))) reason = "unwanted";
    else if (prefixes.length === 0) reason = said === "let in" ? "letIn" : said === "audited" ? "audited" : undefined;
    const isUnsaid = prefixes.length === 0 && said === "unsaid";
    return { text, reason, isUnsaid, isRejected: said === "rejected", attempts: 0 };
  }
}

/** UniFi's routers append the rule's name to its action: `[WAN_IN-A-3001] DESCR="no drop"`. */
const DESCRIPTION = /(?<=\]) *DESCR=.*$/;

export function saidBy(prefix: string): Said {
  const last = [...prefix.replace(DESCRIPTION, "").matchAll(WORDS)].at(-1)?.groups;
  if (last === undefined) return "unsaid";
  if (last.rejected !== undefined) return "rejected";
  return last.letIn !== undefined ? "let in" : "audited";
}
