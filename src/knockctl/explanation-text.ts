// An explanation for people: how the tries ended, the packets in a table, and what to do.

import type { Answer, ExplanationAnswer, VerdictAnswer } from "../control/protocol.ts";
import { duration, plural } from "../terminal/format.ts";
import { paragraph } from "../terminal/paragraph.ts";
import { bullet, clean, clock, paint } from "../terminal/style.ts";
import { type Column, TableStream, table } from "../terminal/table.ts";

/** Verdicts of a try that is going well. */
const ON_THE_WAY: ReadonlySet<VerdictAnswer["verdict"]> = new Set(["stage", "held", "accepted", "first"] as const);

/** `answers`: those of all daemons that were asked. */
export function explanationText(answers: readonly Answer[]): string {
  const verdicts = verdictsOf(answers);
  const isSecret = verdicts.some(({ knock }) => knock !== undefined);
  const rows = verdicts.map((verdict) => verdictRow(verdict, isSecret));
  const all = telling(answers).map((one) => [outcomeText(one, verdicts), clean(one.advice)] as const);
  const blocks = [
    ...all.map(([outcome]) => outcome),
    rows.length === 0 ? "" : table(columns(isSecret), rows),
    ...all.map(([, advice]) => paragraph(advice)),
  ];
  return blocks.filter((block) => block !== "").join("\n");
}

/** Leaves out the packets, which were shown as they arrived. */
export function conclusion(answers: readonly Answer[]): string {
  const verdicts = verdictsOf(answers);
  return telling(answers)
    .map((one) => `${outcomeText(one, verdicts)}${paragraph(clean(one.advice))}`)
    .join("\n");
}

/** For packets that are shown as they arrive. */
export function verdictTable(hasKnocks: boolean): TableStream {
  return new TableStream(columns(hasKnocks));
}

function columns(hasKnocks: boolean): Column[] {
  return [
    { head: "TIME" },
    { head: "DOOR", narrow: "cut" },
    ...(hasKnocks ? [{ head: "KNOCK" }] : []),
    { head: "WHAT HAPPENED", least: 30, narrow: "wrap" },
  ];
}

export function verdictRow({ time, verdict, door, text, knock }: VerdictAnswer, hasKnocks: boolean): string[] {
  const words = clean(door !== undefined && text.startsWith(`${door}: `) ? text.slice(door.length + 2) : text);
  const tone = verdict === "open" ? "good" : ON_THE_WAY.has(verdict) ? undefined : "bad";
  return [
    paint("soft", clock(new Date(time))),
    clean(door ?? "-"),
    ...(hasKnocks ? [clean(knock ?? "-")] : []),
    tone === undefined ? words : paint(tone, words),
  ];
}

/** Of several daemons, those that have seen something. If none has, one of them. */
function telling(answers: readonly Answer[]): readonly ExplanationAnswer[] {
  const all = answers.filter((answer) => answer.type === "explanation");
  const seen = all.filter(({ outcome }) => outcome !== "nothing seen");
  return seen.length > 0 ? seen : all.slice(0, 1);
}

function verdictsOf(answers: readonly Answer[]): readonly VerdictAnswer[] {
  return answers.filter((answer) => answer.type === "verdict");
}

function outcomeText(
  { ip, packets, outcome, secondsSinceFlood }: ExplanationAnswer,
  verdicts: readonly VerdictAnswer[],
) {
  const tone = outcome === "opened" ? "good" : outcome === "not opened" ? "bad" : "warn";
  const flood =
    secondsSinceFlood === undefined
      ? ""
      : `A flood ${duration(secondsSinceFlood)} ago kept some packets from being recorded.\n`;
  const what =
    outcome === "nothing seen" ? "nothing was seen" : `${plural(packets, "packet")}, ${tries(outcome, verdicts)}`;
  return paragraph(paint(tone, clean(`${bullet()}${ip}: ${what}`)), { rest: 2 }) + flood;
}

/** A try begins with the first knock of a sequence. A packet may be the first knock of several doors. */
function tries(outcome: ExplanationAnswer["outcome"], verdicts: readonly VerdictAnswer[]): string {
  const begun = verdicts.filter(({ verdict, stage }) => verdict === "stage" && stage === 1);
  const lastOpen = verdicts.map(({ verdict }) => verdict).lastIndexOf("open");
  const opened = verdicts.filter(({ verdict }) => verdict === "open").length;
  const count = Math.max(opened, new Set(begun.map(({ time }) => time)).size);
  const isLaterTry = verdicts.slice(lastOpen + 1).some((one) => begun.includes(one));
  if (opened === 0) return count < 2 ? "not opened" : `${count} tries, none opened`;
  if (outcome === "opened") return count === 1 ? "opened" : `${opened} of ${count} tries opened; the last one did`;
  if (isLaterTry) return `${opened} of ${count} tries opened; the last one did not`;
  return `opened ${plural(opened, "time")}; what came later did not open again`;
}
