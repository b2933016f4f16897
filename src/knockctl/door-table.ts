// The doors of a daemon as a table: what opens each, and for whom it is open.

import type { Answer } from "../control/protocol.ts";
import { duration, plural } from "../terminal/format.ts";
import { clean, paint } from "../terminal/style.ts";
import { type Column, table, together } from "../terminal/table.ts";

type DoorAnswer = Extract<Answer, { type: "door" }>;
type OpenAnswer = Extract<Answer, { type: "open" }>;

export interface DoorTableOptions {
  /** The maximum of rows. Open doors come first if there are more. */
  readonly mostDoors?: number;
  /** The maximum of addresses for one door. */
  readonly mostOpen?: number;
}

/** The table, and the number of doors that it leaves out. Empty if the daemon has no door. */
export function doorTable(answers: readonly Answer[], options: DoorTableOptions = {}): string {
  const { mostDoors = Number.POSITIVE_INFINITY, mostOpen = Number.POSITIVE_INFINITY } = options;
  const openings = new Map<string, OpenAnswer[]>();
  for (const one of ofType(answers, "open")) openings.set(one.door, [...(openings.get(one.door) ?? []), one]);
  const all = ofType(answers, "door");
  const names = new Set(all.map(({ door }) => door));
  const gone = [...openings.keys()].filter((door) => !names.has(door));
  const isOpen = ({ door }: DoorAnswer) => openings.has(door);
  const sorted = all.length <= mostDoors ? all : [...all.filter(isOpen), ...all.filter((door) => !isOpen(door))];
  const shown = sorted.slice(0, mostDoors);
  const hasTargets = shown.some(({ target }) => target !== undefined);
  const openFor = (door: string, otherwise: string) => openText(openings.get(door) ?? [], mostOpen) || otherwise;
  const rows = [
    ...shown.map((door) => [
      clean(door.door),
      trigger(door),
      duration(door.seqTimeout),
      ...(hasTargets ? [clean(door.target ?? "-")] : []),
      door.closesAfter === null ? "never" : duration(door.closesAfter),
      openFor(door.door, idle(door)),
    ]),
    ...gone.map((door) => [clean(door), "not in config", "-", ...(hasTargets ? ["-"] : []), "-", openFor(door, "-")]),
  ];
  if (rows.length === 0) return leftOut(answers, 0);
  const columns: Column[] = [
    { head: "DOOR", narrow: "cut" },
    { head: "TRIGGER", narrow: "wrap" },
    { head: "TIMEOUT" },
    ...(hasTargets ? [{ head: "TARGET" }] : []),
    { head: "CLOSES AFTER", narrow: "wrap" },
    { head: "OPEN FOR", least: "192.168.100.200 (30 s left)".length, narrow: "wrap" },
  ];
  return table(columns, rows) + leftOut(answers, sorted.length - shown.length);
}

/** For root with --secrets. Commands are not wrapped, so that they can be copied. */
export function secretLines(answers: readonly Answer[]): string {
  const blocks = ofType(answers, "door").flatMap(({ door, secrets }) => {
    if (secrets === undefined) return [];
    const { sequence, tcpFlags, open, startCommand, startCommand6, stopCommand, stopCommand6 } = secrets;
    const directives = {
      Sequence: sequence || undefined,
      TCPFlags: tcpFlags || undefined,
      Open: open,
      Start_Command: startCommand,
      Stop_Command: stopCommand,
      Start_Command_6: startCommand6,
      Stop_Command_6: stopCommand6,
    };
    const given = Object.entries(directives).filter(([, value]) => value !== undefined);
    return [`${clean(door)}\n${given.map(([name, value]) => `  ${`${name} `.padEnd(16)}${clean(value!)}\n`).join("")}`];
  });
  return blocks.map((block) => `\n${block}`).join("");
}

function trigger({ knocks, oneTime, clients = [], moreClients = 0 }: DoorAnswer): string {
  const codes = clients.length === 0 ? "" : together(`codes of ${plural(clients.length + moreClients, "client")}`);
  if (knocks === 0) return codes;
  return `${together(plural(knocks, "knock"))}${oneTime ? ", one-time" : ""}${codes === "" ? "" : `, ${codes}`}`;
}

/** No address has the door open, as far as the daemon knows. It does not know this for a door that it never closes. */
function idle({ closesAfter, openings, builtIn }: DoorAnswer): string {
  if (builtIn || closesAfter !== null || openings === 0) return "-";
  return paint(
    "good",
    `${together(`opened ${plural(openings, "time")};`)} ${together("stays open:")} ${together("no stop command")}`,
  );
}

function openText(openings: readonly OpenAnswer[], most: number): string {
  const lines = openings.slice(0, most).map(({ ip, left, staysOpen, uses }) => {
    const when = staysOpen ? "until closed" : left === null ? "opening or closing now" : `${duration(left)} left`;
    const used = uses === undefined ? "" : uses === 0 ? ", unused" : ", used";
    return paint("good", `${clean(ip)} ${together(`(${when}${used})`)}`);
  });
  const more = openings.length - lines.length;
  return [...lines, ...(more > 0 ? [`and ${plural(more, "more address")}`] : [])].join("\n");
}

function leftOut(answers: readonly Answer[], doors: number): string {
  const more = ofType(answers, "more");
  const of = (what: "door" | "open") =>
    more.filter((one) => one.of === what).reduce((sum, { count }) => sum + count, 0);
  const hidden = doors + of("door");
  return [
    ...(hidden > 0 ? [`and ${plural(hidden, "more door")}${doors > 0 ? ": knockctl doors lists them" : ""}\n`] : []),
    ...(of("open") > 0 ? [`and ${plural(of("open"), "more opening")}\n`] : []),
  ].join("");
}

function ofType<T extends Answer["type"]>(answers: readonly Answer[], type: T): Extract<Answer, { type: T }>[] {
  return answers.filter((answer): answer is Extract<Answer, { type: T }> => answer.type === type);
}
