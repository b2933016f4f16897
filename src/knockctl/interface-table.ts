// The interfaces of a daemon: one line that says whether it is listening, and a table of the interfaces.

import type { CaptureDetails } from "../control/protocol.ts";
import type { InterfaceStatus } from "../events/interface-status.ts";
import { duration, plural } from "../terminal/format.ts";
import { paragraph } from "../terminal/paragraph.ts";
import { bullet, clean, paint } from "../terminal/style.ts";
import { type Cell, type Column, table, together } from "../terminal/table.ts";

type Interface = InterfaceStatus & CaptureDetails;

/**
 * `● knockd 1.0.0 is listening (pid 812)`, and one line for each interface whose packets it does not receive, with the
 * reason.
 */
export function headline(who: string, interfaces: readonly Interface[], details = ""): string {
  const deaf = interfaces.filter(({ state }) => state === "deaf");
  const isListening = interfaces.some(({ state }) => state === "hears");
  const tone = deaf.length > 0 ? "bad" : isListening ? "good" : "warn";
  const what =
    deaf.length > 0
      ? `is deaf on ${names(deaf)}`
      : isListening
        ? "is listening"
        : `is waiting for ${names(interfaces) || "an interface"}`;
  const lines = [paragraph(paint(tone, `${bullet()}${clean(`${who} ${what}`)}`) + details, { rest: 2 })];
  for (const one of interfaces) if (one.state !== "hears") lines.push(reason(one));
  return lines.join("");
}

export function interfaceTable(interfaces: readonly Interface[], now = Date.now()): string {
  const isCounted = interfaces.some(({ packets }) => packets !== undefined);
  const counts = ({ packets }: Interface): Cell[] => [packets?.seen ?? "-", packets?.dropped ?? "-"];
  const columns: Column[] = [
    { head: "INTERFACE", narrow: "cut" },
    { head: "ADDRESSES", narrow: "wrap" },
    { head: "HEARS", narrow: "wrap" },
    ...(isCounted
      ? ([
          { head: "PACKETS", align: "right" },
          { head: "DROPPED", align: "right" },
        ] as const)
      : []),
  ];
  const rows = interfaces.map((one) => [
    clean(one.interface),
    clean(one.addresses.join(", ")) || "-",
    stateText(one, now),
    ...(isCounted ? counts(one) : []),
  ]);
  return table(columns, rows);
}

/** The result of the last self-test, and how long ago it ran. */
function stateText({ state, tested }: Interface, now: number): string {
  if (state === "deaf") return paint("bad", together("no, deaf"));
  if (state === "waiting") return paint("soft", "waiting");
  const ago =
    tested === undefined ? "" : `, ${together(`${duration(Math.max(0, now - Date.parse(tested)) / 1000)} ago`)}`;
  return paint("good", `yes${ago}`);
}

function reason({ interface: name, state, why }: Interface): string {
  const text = clean(`${name}: ${state}${why === undefined ? "" : `: ${why}`}`);
  return paragraph(paint(state === "deaf" ? "bad" : "soft", text), { first: 2, rest: 4 });
}

function names(interfaces: readonly Interface[]): string {
  const all = interfaces.map((one) => one.interface);
  return all.length <= 3 ? all.join(", ") : plural(all.length, "interface");
}
