// What to do about a knock that did not count, in a sentence, without a port.

import { seconds } from "./describe.ts";
import type { DoorChanges } from "./door-changes.ts";
import type { Verdict } from "./verdict.ts";

/** Knocks sent together may overtake each other. */
const TOGETHER_MS = 50;

/** To who has done this, the oldest first; what made no difference is left out, but for in `all`. */
export function advice(verdicts: readonly Verdict[], changes: DoorChanges, now: number, all = verdicts): string {
  const last = verdicts.at(-1);
  if (last === undefined) return NOTHING;
  // Later knocks of an attempt that had ended say nothing new: why had it?
  const cause = verdicts.filter(({ fate }) => fate !== "later").at(-1) ?? last;
  const { fate, door = "the door", stage, detail } = cause;
  const { seqTimeout = 0, oneTimeSequences, policy } = changes.door(door) ?? {};
  const inTime = (how: string) => `knock ${how}, within the ${seqTimeout} s that ${door} gives`;
  const lost = wasRepeated(cause, all, changes) ? REPEATED : LOST;
  switch (fate) {
    case "open":
      return oneTimeSequences === undefined
        ? `${door} opened: if no connection comes about, look at the lines of its command in the log, and at the firewall`
        : `${door} opened: that sequence is used, next time knock the next one of its file`;
    case "held":
      return `${door} is about to open, unless this is a scan: ask again`;
    case "stage":
    case "twice": {
      const left = fate === "stage" ? cause.at - detail + 1000 * seqTimeout - now : 0; // of a stage it is known when it began
      const wait = left > 0 ? `, for ${seconds(left)} more` : "";
      return `${door} waits for the knock of Stage ${stage + 1}${wait}: ${lost}`;
    }
    case "timeout":
      return `${inTime("again")}: after Stage ${stage} the next knock did not come: ${lost}`;
    case "late":
      return `${inTime("faster")}, or set a longer Seq_Timeout there`;
    case "wrong":
      return detail <= TOGETHER_MS && isTogether(verdicts, cause)
        ? `knock more slowly (knock -d 200), as packets that are sent together may overtake each other, or in the order of ${door}'s sequence`
        : `knock in the order of ${door}'s sequence: after Stage ${stage} came another door's knock, or one too early`;
    case "later":
      return "begin with the first knock of a sequence: what came is a later one of some door";
    case "again":
      return "knock anew: the client's system has only sent again what was heard before";
    case "flags":
      return "send plain SYNs, as knock, curl and nc do, or set the door's TCPFlags to what the client sends";
    case "answer":
      return "send plain SYNs, as knock, curl and nc do, or choose ports outside net.ipv4.ip_local_port_range";
    case "address":
      return "knock at an address of the interface that is listened at (knockctl self-test names them), or set the door's Target";
    case "banned":
    case "scan":
      return `touch no other ports while knocking, ${banIsOver(cause, policy?.banTime, now)}; for a client that must, set a higher Max_Strays`;
    case "cooldown":
      return `wait: ${door} opens again for him ${soon(cause.at + detail - now)} (Seq_Cooldown)`;
    case "taken":
      return `knock at ${door} when no attempt at another door is under way`;
    case "used":
      return `knock the next sequence of ${door}'s file, if it holds one: this one has let somebody in`;
    case "changed":
      return `knock again, by the config as it is now: it changed after Stage ${stage}`;
    case "stray":
    case "other":
      return "compare the client's ports and protocols, tcp or udp, with the door's Sequence: what came is no knock of any door";
  }
}

const LOST =
  "if it was sent, it was lost on the way, or went to another port, protocol or address than the door wants (see explain --follow)";

const REPEATED =
  "what came in its place was an earlier packet, sent again by the client's system: send it as a new connection, or with another source port";

/** Has the knock that an attempt waited for come, and was taken for an earlier one that was sent again? */
function wasRepeated(cause: Verdict, all: readonly Verdict[], changes: DoorChanges): boolean {
  const { door, stage, at } = cause;
  const next = door === undefined ? undefined : changes.door(door)?.sequence[stage];
  if (next === undefined) return false;
  const last = all.filter((one) => one.door === door && one.fate === "stage" && one.at <= at).at(-1);
  return all.some(({ fate, knock, at: then }) => {
    const isIt = knock?.port === next.port && knock.protocol === next.protocol;
    return fate === "again" && isIt && last !== undefined && then >= last.at;
  });
}

const NOTHING = `look whether the client knocks at this host's address, from the one that was asked about, at the first port \
of a sequence and with its protocol, and whether something drops it on the way: nothing was seen that a door wants; explain --follow shows all that comes`;

function isTogether(verdicts: readonly Verdict[], wrong: Verdict): boolean {
  const before = verdicts[verdicts.indexOf(wrong) - 1];
  return before !== undefined && wrong.at - before.at <= TOGETHER_MS;
}

function banIsOver(cause: Verdict, banTime: number | undefined, now: number): string {
  if (cause.fate === "banned") return `and wait: he is heard again ${soon(cause.at + cause.detail - now)}`;
  return banTime === undefined
    ? "and wait for Ban_Time seconds"
    : `and wait: he is heard again ${soon(cause.at + 1000 * banTime - now)}`;
}

function soon(left: number): string {
  return left > 0 ? `in ${seconds(left)}` : "now";
}
