// What a rule's prefix tells of its packets: were they rejected? By the words that ufw, firewalld, Shorewall, OpenWrt and
// people use.

import type { Reason } from "../left-out-reasons.ts";

/** `unsaid`: nobody knows; they count, and it is told. */
export type Said = "rejected" | "let in" | "audited" | "unsaid";

/** What --prefix and --not-prefix name; texts that a prefix contains. */
export interface Choice {
  readonly prefixes: readonly string[];
  readonly notPrefixes: readonly string[];
}

export interface Prefix {
  readonly text: string;
  /** Why its packets are no attempts; undefined when they are. */
  readonly reason: Reason | undefined;
  readonly isUnsaid: boolean;
  attempts: number;
}

/** Nobody has as many rules that log. */
const MOST = 1000;
/** What syslogd and the kernel's clock put before it. */
const BEFORE = /^\s*(?:<\d{1,3}>)?\s*(?:\[ *\d+\.\d+\]\s*)?/;
/** The last one counts: `Shorewall:drop2fw:ACCEPT:` names a chain first. `DROPBEAR` is a server. */
const WORDS =
  /(?<rejected>drop(?!bear)|deny|denied|denies|reject|block|discard|refus|prohibit|forbid|(?<![a-z])ban(?:ned)?(?![a-z])|(?:not|un|dis|non)[\s_-]*(?:allow|accept|permit|authori[sz])|-[dr]\](?=\s*$))|(?<letIn>allow(?![\s_-]?list)|accept|permit|(?<![a-z])(?:acc|pass(?:ed)?)(?![a-z])|-a\](?=\s*$))|(?<audited>(?<![a-z])audit(?![a-z])|ufw limit\])/gi;

export class Prefixes {
  readonly #choice: Choice;
  readonly #known = new Map<string, Prefix>();

  constructor(choice: Choice) {
    this.#choice = choice;
  }

  /** Of a message whose packet begins there. */
  of(message: string, begin: number): Prefix {
    const text = message.slice(0, begin).replace(BEFORE, "").trimEnd();
    const known = this.#known.get(text);
    if (known !== undefined) return known;
    const prefix = this.#make(Buffer.from(text, "latin1").toString("latin1")); // a slice would keep the whole chunk of the log
    if (this.#known.size < MOST) this.#known.set(prefix.text, prefix);
    return prefix;
  }

  /** Those whose attempts were counted although nobody knows, most attempts first. */
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
    return { text, reason, isUnsaid: prefixes.length === 0 && said === "unsaid", attempts: 0 };
  }
}

export function saidBy(prefix: string): Said {
  const last = [...prefix.matchAll(WORDS)].at(-1)?.groups;
  if (last === undefined) return "unsaid";
  if (last.rejected !== undefined) return "rejected";
  return last.letIn !== undefined ? "let in" : "audited";
}
