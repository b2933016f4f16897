// What to do about a knock that did not count, in short sentences and without a port.

import { seconds } from "./describe.ts";
import type { DoorChanges } from "./door-changes.ts";
import type { Verdict } from "./verdict.ts";

/** Knocks sent together may overtake each other. */
const TOGETHER_MS = 50;

/** `verdicts`, oldest first, are those that made a difference; `all` are all of them. */
export function advice(verdicts: readonly Verdict[], changes: DoorChanges, now: number, all = verdicts): string {
  const last = verdicts.at(-1);
  if (last === undefined) return NOTHING;
  // What follows the end of an attempt says nothing new. The question is why it ended.
  const cause = verdicts.filter(({ kind }) => !AFTERWARDS.has(kind)).at(-1) ?? last;
  const { kind, stage, detail } = cause;
  const door = cause.door === undefined ? "the door" : quoted(cause.door);
  const { seqTimeout = 0, oneTimeSequences, opening, startCommand } = changes.door(cause.door ?? "") ?? {};
  const inTime = (how: string) => `Knock ${how}, within the ${seqTimeout} s that ${door} allows`;
  const lost = wasRepeated(cause, all, changes) ? REPEATED : LOST;
  switch (kind) {
    case "open":
      if (oneTimeSequences !== undefined)
        return `That sequence is used up. Next time, knock the next sequence in the file of ${door}.`;
      return opening !== undefined && startCommand === undefined
        ? "If you cannot connect now, your own firewall may refuse the port too: run knockctl check as root."
        : `If you cannot connect now, check the firewall, and the log for the command of ${door}.`;
    case "held":
      return `${door} opens in a moment unless this is a port scan. Ask again.`;
    case "stage":
    case "twice": {
      const left = kind === "stage" ? cause.at - detail + 1000 * seqTimeout - now : 0; // a stage knows when it began
      const wait = left > 0 ? `, for ${seconds(left)} more` : "";
      return `${door} waits for the knock of Stage ${stage + 1}${wait}. ${lost}`;
    }
    case "timeout":
      return `After Stage ${stage} the next knock did not arrive. ${lost} ${inTime("again")}.`;
    case "late":
      return `${inTime("faster")}, or set a longer Seq_Timeout.`;
    case "wrong":
      return detail <= TOGETHER_MS && isTogether(verdicts, cause)
        ? `Knock more slowly (knock -d 200): packets that are sent together may overtake each other. If that does not help, check the order of the sequence of ${door}.`
        : `Knock in the order of the sequence of ${door}. After Stage ${stage} came a knock of another door, or one too early.`;
    case "later":
      return "Begin with the first knock of a sequence. What arrived is a later one.";
    case "again":
      return "Knock again with new connections. The client's system only repeated an earlier packet.";
    case "flags":
      return `${PLAIN_SYN}, or set the door's TCPFlags to what the client sends.`;
    case "answer":
      return `${PLAIN_SYN}, or choose ports outside net.ipv4.ip_local_port_range.`;
    case "address":
      return "Knock at an address that knockd listens on (knockctl status lists them), or set the door's Target.";
    case "banned":
    case "scan": {
      // A scan belongs to no particular door. The attempt before it does.
      const scanned = verdicts.filter((one) => one.door !== undefined).at(-1)?.door ?? "";
      const banTime = changes.door(scanned)?.policy.banTime;
      return `Touch no other ports while knocking. ${banText(cause, banTime, now)} If the client must touch other ports, set a higher Max_Strays.`;
    }
    case "cooldown":
      return `Wait. ${door} opens again ${soon(cause.at + detail - now)} (Cooldown or Seq_Cooldown).`;
    case "taken":
      return `Knock at ${door} while this address has no live attempt at another door.`;
    case "used":
      return `Knock the next sequence in the file of ${door}, if there is one. This one has opened the door for another client.`;
    case "changed":
      return `Knock again, by the config as it is now. It changed after Stage ${stage}.`;
    case "accepted":
      return `${door} opens in a moment unless another address sends the same code. Ask again.`;
    case "first":
      return `Knock with the next code too. After this many wrong codes today, ${door} needs two codes in a row.`;
    case "contested":
      return "Knock with the next code. Another address sent this one at the same time.";
    case "replay":
    case "repeat":
      return "Knock with the next code. Each code counts once.";
    case "clock":
      return "Set the clock of the client and of this host. They differ by more than Code_Skew allows.";
    case "refused":
      return "See the log for the reason. The client's networks, hours or last day may exclude this knock.";
    case "busy":
      return "Knock with the next code. Too many codes came at once, and this one was not checked.";
    case "wrongCode":
      return `Compare the client's secret and ports with the clients file of ${door}.`;
    case "stray":
    case "other":
      return "Compare the client's ports and protocols (tcp or udp) with the door's Sequence. What arrived is not a knock of any door.";
  }
}

const AFTERWARDS: ReadonlySet<Verdict["kind"]> = new Set<Verdict["kind"]>(["later", "stray", "other"]);

/** A name of several words needs quotes in a sentence. */
function quoted(door: string): string {
  return /^\S+$/.test(door) ? door : `"${door}"`;
}

const PLAIN_SYN = "Send plain SYNs, as knock, curl and nc do";

const LOST =
  "If it was sent, it was lost on the way, or it went to another port, protocol or address. knockctl explain --follow shows everything that arrives.";

const REPEATED =
  "In its place came an earlier packet, repeated by the client's system. Send each knock as a new connection, or from another source port.";

/** Did the knock that an attempt waited for arrive, and count as a retransmission of an earlier one? */
function wasRepeated(cause: Verdict, all: readonly Verdict[], changes: DoorChanges): boolean {
  const { door, stage, at } = cause;
  const next = door === undefined ? undefined : changes.door(door)?.sequence[stage];
  if (next === undefined) return false;
  const last = all.filter((one) => one.door === door && one.kind === "stage" && one.at <= at).at(-1);
  return all.some(({ kind, knock, at: then }) => {
    const isIt = knock?.port === next.port && knock.protocol === next.protocol;
    return kind === "again" && isIt && last !== undefined && then >= last.at;
  });
}

const NOTHING = [
  "Nothing from this address was a knock.",
  "Check that the client sends to this host's address, to the first port of a sequence and with its protocol.",
  "Check that the client really has this address: a router may replace it.",
  "Check that no firewall on the way drops the packets.",
  "knockctl explain --follow shows everything that arrives.",
].join(" ");

function isTogether(verdicts: readonly Verdict[], wrong: Verdict): boolean {
  const before = verdicts[verdicts.indexOf(wrong) - 1];
  return before !== undefined && wrong.at - before.at <= TOGETHER_MS;
}

function banText(cause: Verdict, banTime: number | undefined, now: number): string {
  if (cause.kind === "banned") return `knockd listens to this address again ${soon(cause.at + cause.detail - now)}.`;
  return banTime === undefined
    ? "Then wait for Ban_Time seconds."
    : `knockd listens to this address again ${soon(cause.at + 1000 * banTime - now)}.`;
}

function soon(left: number): string {
  return left > 0 ? `in ${seconds(left)}` : "now";
}
